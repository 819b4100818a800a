import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_POOL_LEASE_MS } from '../../../src/domain/pool.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { load, MINIMAL, problemsOf } from './job-file-fixture.ts';

const temp = makeTempDir('limits');
afterAll(() => temp.remove());
const dir = temp.path;

const COMMAND = 'input: {file: in.jsonl}\nhandler: {command: [cat]}\n';
const limitsJob = (...limits: string[]): string =>
  `${MINIMAL}limits:\n${limits.map((limit) => `  - ${limit}\n`).join('')}`;
const poolsJob = (...pools: string[]): string => `${MINIMAL}pools:\n${pools.map((pool) => `  - ${pool}\n`).join('')}`;

describe('what a job shares', () => {
  it('is absent from a spec that shares nothing', async () => {
    for (const more of ['', 'limits: []\npools: []\n', 'concurrency:\n']) {
      const { spec } = await load(dir, MINIMAL + more);
      expect(Object.keys(spec).filter((key) => ['limits', 'pools', 'concurrency'].includes(key))).toEqual([]);
    }
  });

  it('limits with every key', async () => {
    const { spec } = await load(
      dir,
      limitsJob(
        '{name: openai, rate: 3000/min, tokens: 250k/min, cost: {requests: 1, tokens: "{payload.size.tokens}"}, burst: 2s, hourly: 90k, daily: {requests: 1M, tokens: 20M}, zone: europe/berlin, mode: hard, per: item}',
        '{name: geo-coder_2}',
      ),
    );
    const zone = 'Europe/Berlin';
    expect(spec.limits).toEqual([
      {
        name: 'openai',
        definition: {
          rates: { requests: { amount: 3_000, perMs: 60_000 }, tokens: { amount: 250_000, perMs: 60_000 } },
          quotas: [
            { unit: 'requests', amount: 90_000, every: 'hour', zone },
            { unit: 'requests', amount: 1_000_000, every: 'day', zone },
            { unit: 'tokens', amount: 20_000_000, every: 'day', zone },
          ],
          burstMs: 2_000,
          mode: 'hard',
        },
        cost: { requests: 1, tokens: ['size', 'tokens'] },
        per: 'item',
        source: 'job.yaml:4:5',
      },
      { name: 'geo-coder_2', cost: {}, per: 'call', source: 'job.yaml:5:5' },
    ]);
  });

  it('limits that count no requests, and a cost without a unit', async () => {
    const { spec } = await load(dir, limitsJob('{name: gpu, seconds: 5/10s, cost: 3, monthly: 1000}'));
    expect(spec.limits?.[0]).toMatchObject({
      definition: {
        rates: { seconds: { amount: 5, perMs: 10_000 } },
        quotas: [{ unit: 'requests', amount: 1_000, every: 'month', zone: 'UTC' }],
        burstMs: 0,
        mode: 'statistical',
      },
      cost: { requests: 3 },
    });
  });

  it('pools and concurrency', async () => {
    const { spec } = await load(
      dir,
      `${poolsJob('{name: db, slots: 20, priority: -3, per: item}', '{name: matlab}')}concurrency: {group: nightly}\n`,
    );
    expect(spec.pools).toEqual([
      {
        name: 'db',
        definition: { slots: 20, leaseMs: DEFAULT_POOL_LEASE_MS },
        priority: -3,
        per: 'item',
        source: 'job.yaml:4:5',
      },
      { name: 'matlab', priority: 0, per: 'call', source: 'job.yaml:5:5' },
    ]);
    expect(spec.concurrency).toEqual({ group: 'nightly', source: 'job.yaml:6:14' });
  });

  it('are taken around each item of a command, which has no other way', async () => {
    const { spec } = await load(dir, `${COMMAND}limits: [{name: api}]\npools: [{name: db}]\n`);
    expect([spec.limits?.[0]?.per, spec.pools?.[0]?.per]).toEqual(['item', 'item']);
    const told = await problemsOf(dir, `${COMMAND}limits: [{name: api, per: call}]\n`);
    expect(told).toEqual([
      '3:27 limits: limit api: found per: call with handler.command, which cannot ask by itself · Write per: item',
    ]);
    const pools = await problemsOf(dir, `${COMMAND}pools:\n  - {name: a}\n  - {name: db, per: call}\n`);
    expect(pools).toEqual([expect.stringMatching(/^5:21 pools: pool db: found per: call/)]);
  });

  it('are pools whose slots a command can tell apart by its environment', async () => {
    const pools = 'pools:\n  - {name: a-b}\n  - {name: c}\n  - {slots: 2, name: a_b}\n';
    expect(await problemsOf(dir, COMMAND + pools)).toEqual([
      '6:22 pools: pool a_b: found the pools a-b and a_b, whose slots a command would both find in SLURMCTL_POOL_A_B_SLOT · Call one of the two otherwise',
    ]);
    const { spec } = await load(dir, `${MINIMAL}${pools}`);
    expect(spec.pools?.map(({ name }) => name)).toEqual(['a-b', 'c', 'a_b']);
    expect(await problemsOf(dir, poolsJob('{name: a}', '{name: a}'))).toEqual([
      expect.stringContaining('found the name "a" again, which is on line 4 already'),
    ]);
  });

  it('are left to merges where they are about the object store, unless the job says otherwise', async () => {
    const { spec } = await load(dir, `${COMMAND}limits: [{name: store, rate: 200/s, daily: 1M}]\n`);
    expect(spec.limits?.[0]).toMatchObject({ name: 'store', per: 'call' });
    const reading = await load(dir, `${COMMAND}limits: [{name: store, rate: 200/s, per: item}]\n`);
    expect(reading.spec.limits?.[0]?.per).toBe('item');
    const told = await problemsOf(dir, `${COMMAND}limits: [{name: store, rate: 9/s, bytes: 5/s, daily: {bytes: 9}}]\n`);
    expect(told).toEqual([
      '3:17 limits: limit store: found the unit bytes, expected requests alone: limit store is about reads of the object store · Drop bytes, or call the limit otherwise',
    ]);
  });

  it.each([
    ['cost: {payload.tokens}', '4:', 'Quote it: "{payload.tokens}"'],
    ['cost: {requests: {payload.n}}', '4:', 'Quote it: "{payload.n}"'],
    ['cost: "12"', '4:', 'Write it without quotes: 12'],
    ['cost: {tokens: 5}', '4:33 ', 'State its rate beside the others: tokens: 250k/min'],
    ['cost: {reqests: 5}', '4:33 ', 'Did you mean `requests`?'],
  ])('tell what to do about a cost that is none: %s', async (cost, place, hint) => {
    const [told, ...others] = await problemsOf(dir, limitsJob(`{name: a, rate: 5/s, ${cost}}`));
    expect([others, told?.startsWith(place), told?.split(' · ')[1]]).toEqual([[], true, hint]);
  });

  it.each([
    ['pools: [{name: db, lease: 5s}]', 'The lease is set for the site: slurmctl pool set NAME --slots 20 --lease 30s'],
    ['pools: [{name: group:nightly, slots: 1}]', 'A job joins a group with concurrency: {group: nightly}'],
    ['concurrency: nightly', 'Write concurrency: {group: "nightly"}'],
    ['concurrency: 4', 'Did you mean `handler.concurrency`?'],
  ])('tell where else it belongs: %s', async (text, hint) => {
    const told = await problemsOf(dir, `${MINIMAL}${text}\n`);
    expect(told.map((line) => line.split(' · ')[1])).toEqual([hint]);
  });

  it('may come from the command line, and says so', async () => {
    const { spec } = await load(dir, MINIMAL, { overrides: { limits: '[{name: api, rate: 5/s}]' } });
    expect(spec.limits?.[0]?.source).toBe('--set limits=[{name: api, rate: 5/s}]');
  });
});

const openai = (more: string): string => `{name: openai, ${more}}`;

describe('what is wrong with a limit', () => {
  it.each<[string, string]>([
    ['5', '4:5 limits: limit 1: found 5, expected a limit such as {name: openai, rate: 3000/min}'],
    ['{rate: 5/s}', '4:5 limits: limit 1: found a limit without `name`'],
    ['{name: OpenAI}', 'limit OpenAI: found "OpenAI", expected the name of a limit: at most 63 lower-case'],
    ['{name: open ai}', '· Write open-ai'],
    ['{name: 7}', '4:12 limits: limit 1: found 7, expected the name of a limit'],
    ['{name: ""}', 'limits: limit 1: found "", expected the name of a limit'],
    [openai('rate: 3000'), '4:26 limits: limit openai: rate: found 3000, expected a rate such as 3000/min'],
    [openai('rate: 3000'), '· Say in what time: 3000/min, 3000/s'],
    [openai('rate: 0/min'), 'rate: found "0/min", expected a rate above 0'],
    [
      openai('rate: -5/min'),
      'rate: found "-5/min", expected a rate such as 3000/min, 250k/min, 10/s or 1M/day · A rate cannot be negative',
    ],
    [openai('rate: 2M/s'), 'rate: found "2M/s", expected at most 1M/s, the most that one limit can sell'],
    [openai('tokens: 90M/min'), 'tokens: found "90M/min", expected at most 1M/s, the most that one limit can sell'],
    [openai('rate: 1/2day'), 'expected at least 1/day'],
    [openai('rate: 5/month'), '· A day is the longest time; count longer ones with monthly'],
    [openai('rate: 0.5/s'), '· Write 30/min'],
    [openai('rate: 1e400/s'), 'found "1e400/s", expected a rate'],
    [openai('rate: [5/s]'), 'rate: found a list, expected a rate'],
    [openai('rates: 5/s'), '4:20 limits: limit openai: unknown key `rates` · Did you mean `rate`?'],
    [openai('rate: 5/s, brust: 2s'), 'unknown key `brust` · Did you mean `burst`?'],
    [openai('requests: 5/s'), 'found the key `requests` · Write `rate`'],
    [openai('rate: 5/s, "Tokens!": 5/s'), 'found the unit "Tokens!", expected lower-case letters'],
    [
      openai('rate: 5/s, constructor: 5/s'),
      'found the unit "constructor", expected a name that JavaScript does not use',
    ],
    [openai('rate: 5/s, daily: {constructor: 5}'), 'daily: found the unit "constructor", expected a name'],
    [openai('rate: 5/s, colour: red'), 'colour: found "red", expected a rate'],
    [openai('rate: 5/s, burst: 6s'), 'burst: found "6s", expected at most 5 s'],
    [openai('rate: 5/s, burst: 2'), 'burst: found 2, expected a duration with its unit'],
    [openai('burst: 2s'), '4:20 limits: limit openai: found burst without a rate, expected rate as well'],
    [openai('daily: 1M'), 'found daily without a rate'],
    [openai('rate: 5/s, daily: 0'), 'daily: found 0, expected a whole number above 0 such as 500, 250k or 1M'],
    [openai('rate: 5/s, daily: -1'), 'daily: found -1, expected a whole number above 0'],
    [openai('rate: 5/s, daily: 1.5'), 'daily: found 1.5, expected a whole number above 0'],
    [openai('rate: 5/s, daily: 99999999G'), 'daily: found "99999999G", expected at most'],
    [openai('rate: 5/s, daily: {}'), 'daily: found no unit, expected one such as {requests: 1M}'],
    [
      openai('rate: 5/s, daily: 5, zone: Europe/Berln'),
      'zone: found "Europe/Berln", expected a time zone such as UTC or Europe/Berlin · Did you mean `Europe/Berlin`?',
    ],
    [openai('rate: 5/s, daily: 5, zone: "+02:00"'), 'zone: found "+02:00", expected a time zone'],
    [openai('rate: 5/s, zone: UTC'), 'found zone without a quota · Add daily: 1M, or drop zone'],
    [openai('rate: 5/s, mode: strict'), 'mode: found "strict", expected statistical or hard'],
    [openai('rate: 5/s, per: items'), 'found "items", expected call or item · Did you mean `item`?'],
    [
      openai('rate: 5/s, cost: many'),
      'cost: found "many", expected a whole number of at least 0, or a field of the item such as "{payload.tokens}" · Write "{payload.many}"',
    ],
    [openai('rate: 5/s, cost: -1'), 'cost: found -1, expected a whole number'],
    [openai('rate: 5/s, cost: 0.5'), 'cost: found 0.5, expected a whole number'],
    [openai('rate: 5/s, cost: .nan'), 'cost: found'],
    [openai('rate: 5/s, cost: "{payload}"'), 'cost: found "{payload}", expected a whole number'],
    [openai('rate: 5/s, cost: "{payload.a..b}"'), 'cost: found "{payload.a..b}"'],
    [openai('rate: 5/s, cost: "{payload.a} + 1"'), 'cost: found "{payload.a} + 1"'],
    [
      openai('rate: 5/s, tokens: 9/s, cost: {tokns: 1}'),
      'cost: found the unit `tokns`, which the limit has no rate for · Did you mean `tokens`?',
    ],
    [openai('rate: 5/s, cost: {"__proto__": 1}'), 'cost: found the unit "__proto__"'],
    [
      openai('rate: 5/min, cost: 10000'),
      'cost: requests: found 10000, expected at most 5, the most that one call may cost',
    ],
    [
      openai('rate: 5/s, tokens: 1000/min, mode: hard, cost: {tokens: 51}'),
      'cost: tokens: found 51, expected at most 50, the most that one call may cost in hard mode',
    ],
    [
      openai('rate: 5/s, mode: hard, burst: 200ms'),
      'burst: found "200ms", expected at most 100 ms in hard mode, a tenth of the shortest time',
    ],
    [
      openai('rate: 500/s, daily: 100, cost: 101'),
      'cost: requests: found 101, expected at most what the quota grants (daily 100 requests)',
    ],
  ])('%s', async (limit, told) => {
    expect((await problemsOf(dir, limitsJob(limit))).join('\n')).toContain(told);
  });

  it('and with several of them, all at once', async () => {
    const told = await problemsOf(
      dir,
      limitsJob('{name: api, rate: 0/s, burst: 9s, cost: x}', '{rate: 5}', '{name: api}', '{name: api, per: 5}'),
    );
    expect(told.map((line) => line.replace(/ expected .*/, ''))).toEqual([
      '4:23 limits: limit api: rate: found "0/s",',
      '4:35 limits: limit api: burst: found "9s",',
      '4:45 limits: limit api: cost: found "x",',
      '5:5 limits: limit 2: found a limit without `name` (a group of keys (rate)),',
      '5:12 limits: limit 2: rate: found 5,',
      '6:12 limits: limit api: found the name "api" again, which is on line 4 already · Keep one of the two',
      '7:12 limits: limit api: found the name "api" again, which is on line 4 already · Keep one of the two',
      '7:22 limits: limit api: found 5,',
    ]);
  });

  it.each([
    ['limits: {name: api}', '3:9 limits: found a group of keys (name), expected a list of limits such as'],
    ['limits: {name: api}', '· Begin each limit with -'],
    ['limits: openai', '3:9 limits: found "openai", expected a list of limits'],
    [
      `limits: [${Array.from({ length: 21 }, (_, at) => `{name: l${at}}`).join(', ')}]`,
      'found 21 limits, expected at most 20',
    ],
  ])('%s', async (yaml, told) => {
    expect((await problemsOf(dir, `${MINIMAL}${yaml}\n`)).join('\n')).toContain(told);
  });
});

describe('what is wrong with a pool or a group', () => {
  it.each([
    ['{name: db, slots: 0}', '4:23 pools: pool db: found 0, expected a whole number of at least 1'],
    ['{name: db, slots: 1001}', 'pool db: found 1001, expected a whole number of at most 1000'],
    ['{name: db, slots: 1.5}', 'pool db: found 1.5, expected a whole number from 1 to 1000'],
    ['{name: db, slotz: 1}', '4:16 pools: pool db: unknown key `slotz` · Did you mean `slots`?'],
    ['{name: db, priority: high}', 'pool db: found "high", expected a whole number from -1000 to 1000'],
    ['{name: DB}', '· Write db'],
    ['{slots: 3}', 'pool 1: found a pool without `name` (a group of keys (slots)), expected {name: db, slots: 20}'],
  ])('%s', async (pool, told) => {
    expect((await problemsOf(dir, poolsJob(pool))).join('\n')).toContain(told);
  });

  it.each([
    ['concurrency: {max: 2}', '3:14 concurrency: found no group, expected one such as {group: nightly, max: 1}'],
    ['concurrency: {group: nightly, max: 0}', 'concurrency.max: found 0, expected a whole number of at least 1'],
    ['concurrency: {group: The Night}', '· Write the-night'],
    ['concurrency: nightly', 'concurrency: found "nightly", expected a group of keys: group, max'],
  ])('%s', async (yaml, told) => {
    expect((await problemsOf(dir, `${MINIMAL}${yaml}\n`)).join('\n')).toContain(told);
  });
});
