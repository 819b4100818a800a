import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitOfWords, type LimitWords } from '../../../src/config/limit-words.ts';
import { limitSetCommand, sameLimit } from '../../../src/domain/limit-rate.ts';
import type { LimitDefinition, LimitQuota } from '../../../src/domain/limit.ts';
import { isAppError } from '../../../src/errors/app-error.ts';
import '../../support/property-seed.ts';
import { lines } from './job-file-fixture.ts';

/** What is told about words that make no limit. */
function told(words: LimitWords, name = 'api'): string[] {
  try {
    limitOfWords(name, words);
  } catch (error) {
    if (isAppError(error, 'USAGE')) return lines(error.problems);
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('a limit in the words of a command line', () => {
  it('is what a job file would make of them', () => {
    const words = {
      rate: '3000/min',
      tokens: '250k/min',
      unit: ['images=10/s'],
      burst: '2s',
      daily: ['1M', 'tokens=20M'],
      zone: 'Europe/Berlin',
    };
    const zone = 'Europe/Berlin';
    expect(limitOfWords('openai', words)).toEqual({
      rates: {
        requests: { amount: 3_000, perMs: 60_000 },
        tokens: { amount: 250_000, perMs: 60_000 },
        images: { amount: 10, perMs: 1_000 },
      },
      quotas: [
        { unit: 'requests', amount: 1_000_000, every: 'day', zone },
        { unit: 'tokens', amount: 20_000_000, every: 'day', zone },
      ],
      burstMs: 2_000,
      mode: 'statistical',
    });
  });

  it.each<[LimitWords, string]>([
    [{}, '? found no figures, expected at least --rate · Add --rate 3000/min'],
    [{ unit: [], daily: [] }, 'found no figures'],
    [{ rate: '3000' }, '--rate 3000 limit: rate: found 3000, expected a rate such as'],
    [{ rate: '0/s' }, '--rate 0/s limit: rate: found "0/s", expected a rate above 0'],
    [{ rate: '5/s', burst: '9s' }, '--burst 9s limit: burst: found "9s", expected at most 5 s'],
    [{ rate: '5/s', unit: ['images'] }, '--unit images found no name, expected one such as images=10/min'],
    [{ rate: '5/s', unit: ['a=1/s', 'a=2/s'] }, '--unit a=2/s found a twice'],
    [{ rate: '5/s', unit: ['Images=1/s'] }, 'found the unit "Images", expected lower-case letters'],
    [{ rate: '5/s', unit: ['rate=1/s'] }, '--unit rate=1/s found rate twice'],
    [{ rate: '5/s', daily: ['5', '6'] }, '--daily 6 found requests twice'],
    [{ rate: '5/s', monthly: ['a=5', 'b=5', 'a=6'] }, '--monthly a=6 found a twice'],
    [{ rate: '5/s', daily: ['x=0'] }, '--daily x=0 limit: daily: found 0, expected a whole number above 0'],
    [{ rate: '5/s', daily: ['many'] }, '--daily many limit: daily: found "many"'],
    [{ rate: '5/s', mode: 'soft' }, '--mode soft limit: mode: found "soft", expected statistical or hard'],
  ])('%j is refused at its option', (words, expected) => {
    expect(told(words).join('\n')).toContain(expected);
  });

  it('counts nothing but requests where it is about the object store', () => {
    expect(limitOfWords('store', { rate: '200/s', daily: ['1M'] }).rates).toEqual({
      requests: { amount: 200, perMs: 1_000 },
    });
    expect(told({ rate: '200/s', tokens: '5/s' }, 'store')).toEqual([
      expect.stringMatching(
        /found the unit tokens, expected requests alone.* · Drop tokens, or call the limit otherwise$/,
      ),
    ]);
  });

  it('tells everything at once, a wrong name included', () => {
    const all = told({ rate: '0/s', burst: '9s', zone: 'nowhere' }, 'Not A Name');
    expect(all.map((line) => line.replace(/,? expected .*/, ''))).toEqual([
      'Not A Name name: found "Not A Name"',
      '--rate 0/s limit: rate: found "0/s"',
      '--zone nowhere limit: zone: found "nowhere"',
      '--zone nowhere limit: found zone without a quota · Add daily: 1M, or drop zone',
      '--burst 9s limit: burst: found "9s"',
    ]);
  });
});

describe('the command that is suggested for a limit', () => {
  it.each<[Partial<LimitDefinition>, string]>([
    [{}, 'slurmctl limit set api --rate 3000/min'],
    [
      {
        rates: { tokens: { amount: 250_000, perMs: 60_000 }, images: { amount: 1, perMs: 1_000 } },
        quotas: [{ unit: 'tokens', amount: 1_000_000, every: 'day', zone: 'Europe/Berlin' }],
        burstMs: 2_500,
        mode: 'hard',
      },
      'slurmctl limit set api --unit images=1/s --tokens 250k/min --burst 2500ms --daily tokens=1M --zone Europe/Berlin --mode hard',
    ],
  ])('says all of %j', (more, command) => {
    expect(limitSetCommand('api', { ...plain, ...more })).toBe(command);
  });

  it('makes just that limit, whatever it is', () => {
    const amount = fc.integer({ min: 1, max: 1_000_000 });
    const rate = fc.record({ amount, perMs: fc.constantFrom(1_000_000, 60_000, 86_400_000, 7_200_000) });
    const unit = fc.constantFrom('requests', 'tokens', 'images');
    const rates = fc.dictionary(unit, rate, { minKeys: 1 });
    const zone = fc.constantFrom('UTC', 'Europe/Berlin');
    const quota = fc.record({ unit, amount, every: fc.constantFrom<LimitQuota['every']>('hour', 'day', 'month') });
    const quotas = fc.uniqueArray(quota, { maxLength: 4, selector: (each) => `${each.every} ${each.unit}` });
    const burstMs = fc.integer({ min: 0, max: 100 });
    const mode = fc.constantFrom<LimitDefinition['mode']>('statistical', 'hard');
    fc.assert(
      fc.property(fc.record({ rates, quotas, burstMs, mode }), zone, (definition, its) => {
        const limit = { ...definition, quotas: definition.quotas.map((each) => ({ ...each, zone: its })) };
        const made = limitOfWords('api', wordsOf(limitSetCommand('api', limit)));
        expect(sameLimit(made, limit)).toBe(true);
      }),
    );
  });
});

const plain: LimitDefinition = {
  rates: { requests: { amount: 3_000, perMs: 60_000 } },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
};

/** The options of a command line, as the command hands them over. */
function wordsOf(command: string): LimitWords {
  const words: Record<string, string | string[]> = {};
  for (const [, flag = '', value = ''] of command.matchAll(/--(\w+) (\S+)/g)) {
    const several = words[flag];
    if (!['unit', 'hourly', 'daily', 'monthly'].includes(flag)) words[flag] = value;
    else words[flag] = [...(Array.isArray(several) ? several : []), value];
  }
  return words;
}
