import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { storeVerdicts, verdictsPath, warnOfFailures } from '../../../src/app/service-verdicts.ts';
import type { ServiceFindings } from '../../../src/backends/probe/services.ts';
import type { Verdict } from '../../../src/backends/probe/verdict.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededIds } from '../../support/seeded-random.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const STORE = 's3://bucket/run?region=eu-central-1';
const TABLE = 'dynamodb://table?region=eu-central-1';
const urls = { store: STORE, state: TABLE, queue: 'file:///tmp/queue' };
const bad: Verdict = { name: 'store objects', verdict: 'fail', found: 'PutObject is not permitted', remedy: 'Ask' };
const good: Verdict = { name: 'store', verdict: 'ok', found: 'answers', remedy: null };
const doubtful: Verdict = { name: 'state expiry', verdict: 'warn', found: 'TTL is off', remedy: 'Switch it on' };

const here = {
  clock: createManualClock(Date.UTC(2026, 10, 21, 4, 5, 6)),
  ids: createSeededIds(1),
  host: {
    processName: 'n1:1:1',
    hostname: 'login1',
    user: 'ada',
    mayBeAlive: () => true,
    cpuMs: () => 0,
    maxRssBytes: () => 0,
  },
};
const keep = (home: string, ...services: ServiceFindings['services']): Promise<string | null> =>
  storeVerdicts(here, home, services);
const stored = (home: string) => JSON.parse(readFileSync(verdictsPath(home), 'utf8'));

describe('verdicts on services', () => {
  it('are kept with time and host, for their owner alone, and nothing else is left', () =>
    withTempDir(async (home) => {
      expect(await keep(home, { url: STORE, verdicts: [good, bad] }, { url: TABLE, verdicts: [doubtful] })).toBeNull();
      expect(stored(home)).toEqual({
        schema: 'slurmctl.services/1',
        services: [
          { url: STORE, checkedAt: '2026-11-21T04:05:06.000Z', host: 'login1', verdict: 'fail', checks: [good, bad] },
          { url: TABLE, checkedAt: '2026-11-21T04:05:06.000Z', host: 'login1', verdict: 'warn', checks: [doubtful] },
        ],
      });
      expect(statSync(verdictsPath(home)).mode & 0o777).toBe(0o600);
      expect(readdirSync(home)).toEqual(['services.json']);
    }));

  it('that failed are told to whoever is about to use the address, also by another profile', () =>
    withTempDir(async (home) => {
      await keep(home, { url: `${STORE}&profile=lab`, verdicts: [bad] }, { url: TABLE, verdicts: [doubtful] });
      expect(await warnOfFailures({ home, ...urls })).toEqual([
        {
          message:
            'slurmctl doctor found a fault in s3://bucket/run at 2026-11-21 04:05 UTC on login1 ' +
            '(store objects: PutObject is not permitted); look again with: slurmctl doctor',
        },
      ]);
      const elsewhere = { ...urls, store: 's3://bucket/other?region=eu-central-1' };
      expect(await warnOfFailures({ home, ...elsewhere })).toEqual([]);
    }));

  it('that are the same for several addresses are told once', () =>
    withTempDir(async (home) => {
      await keep(home, { url: STORE, verdicts: [bad] }, { url: TABLE, verdicts: [bad] });
      expect(await warnOfFailures({ home, ...urls })).toEqual([
        { message: expect.stringContaining('a fault in s3://bucket/run, dynamodb://table at 2026') },
      ]);
    }));

  it('are replaced by newer ones on the same address; those on others stay, twenty at most', () =>
    withTempDir(async (home) => {
      await keep(home, { url: STORE, verdicts: [bad] }, { url: TABLE, verdicts: [bad] });
      await keep(home, { url: STORE, verdicts: [good] });
      expect((await warnOfFailures({ home, ...urls })).map(({ message }) => message)).toEqual([
        expect.stringContaining('dynamodb://table'),
      ]);
      for (let n = 0; n < 25; n += 1) await keep(home, { url: `sqs://queue${n}`, verdicts: [good] });
      expect(stored(home).services).toHaveLength(20);
      expect(stored(home).services[0].url).toBe('sqs://queue24');
    }));

  it.each([
    ['nothing', null],
    ['no JSON', '{'],
    ['another version', JSON.stringify({ schema: 'slurmctl.services/2', services: [] })],
    [
      'something else',
      JSON.stringify({
        schema: 'slurmctl.services/1',
        services: [null, 3, { url: STORE }, { url: STORE, checkedAt: '', host: '', checks: [{}] }],
      }),
    ],
    ['null', 'null'],
  ])('are forgotten when the file holds %s', (_, text) =>
    withTempDir(async (home) => {
      if (text !== null) writeFileSync(verdictsPath(home), text);
      expect(await warnOfFailures({ home, ...urls })).toEqual([]);
      expect(await keep(home, { url: STORE, verdicts: [bad] })).toBeNull();
      expect(await warnOfFailures({ home, ...urls })).toHaveLength(1);
    }),
  );

  it('that cannot be kept say why, and leave the old ones', () =>
    withTempDir(async (home) => {
      mkdirSync(verdictsPath(home));
      expect(await keep(home, { url: STORE, verdicts: [bad] })).toMatch(/EISDIR|directory/);
      expect(readdirSync(home)).toEqual(['services.json']);
    }));

  it('are not looked for while everything lives in directories', async () => {
    const files = { home: '/dev/null/none', store: 'file:///a', state: 'file:///b', queue: 'file:///c' };
    expect(await warnOfFailures(files)).toEqual([]);
  });
});
