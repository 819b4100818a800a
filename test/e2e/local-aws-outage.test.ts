import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JobId } from '../../src/domain/ids.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { compiledProject } from '../support/compiled.ts';
import { withCrashSite, type CrashSite } from '../support/crash-site.ts';
import { badDay, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { expectLedger } from '../support/ledger.ts';
import { eventually, momentAfter } from '../support/live-processes.ts';

beforeAll(() => compiledProject(), 120_000);

const OUTAGE_MS = 6_000;
const OUTAGES: readonly { readonly what: string; readonly rules: readonly FaultRule[] }[] = [
  { what: 'the store answers 503', rules: [{ fault: 'unavailable', service: 's3' }] },
  { what: 'the table hangs', rules: [{ fault: 'hang', service: 'dynamodb' }] },
  { what: 'nothing can be reached', rules: [{ fault: 'reset' }] },
];

/** What a person or cron does: the finaliser may have met the outage, too. */
const advanceToEnd = (site: CrashSite, job: JobId): Promise<unknown> =>
  eventually(
    'the job is final',
    async () => {
      const { code, stderr } = await site.cli('advance', job, '--wait-lease', '5s');
      expect([0, 6], stderr).toContain(code);
      return isFinalJobState((await site.meta(job))?.state ?? 'RUNNING');
    },
    120_000,
  );

describe('services that go away in the middle of a job', () => {
  it.each(OUTAGES)('$what: the job goes on when they are back, also where a worker was killed meanwhile', ({ rules }) =>
    withCrashSite(
      {
        place: { kind: 'AWS services behind a proxy' },
        items: 120,
        batchItems: 20,
        itemMs: 60,
        more: 'retry: {attempts: 3, backoff: 1s..1s}',
      },
      async (site) => {
        const proxy = site.place.proxy as FaultProxy;
        const job = await site.submit();
        await eventually('some items are done', () => site.calls().length > 30);
        await proxy.setRules(rules);
        const [victim] = site.elements();
        if (victim !== undefined) process.kill(victim.pid, 'SIGKILL');
        const advance = site.cli.start(['advance', job]);
        const ended = once(advance, 'exit');
        await momentAfter(OUTAGE_MS);
        advance.kill('SIGKILL');
        await ended;
        const { faults } = await proxy.ledger();
        expect(Object.values(faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
        await proxy.setRules([]);
        await advanceToEnd(site, job);
        await expectLedger(site, job);
      },
    ),
  );

  it('says so, and what is true, to whoever looks', () =>
    withCrashSite({ place: { kind: 'AWS services behind a proxy' }, items: 20, batchItems: 10 }, async (site) => {
      const proxy = site.place.proxy as FaultProxy;
      const job = await site.submit();
      await proxy.setRules([{ fault: 'unavailable', service: 's3' }]);
      const seen = await site.cli('status', job);
      expect(seen.code, seen.stderr).toBe(0);
      expect(seen.stdout).toContain(job);
      await proxy.setRules([{ fault: 'denied', service: 'dynamodb' }]);
      const refused = await site.cli('status', job);
      expect(refused.code, refused.stderr).toBe(5);
      expect(refused.stderr).toMatch(/^error: .*\[STATE_DENIED\]$/m);
      await proxy.setRules([]);
      await advanceToEnd(site, job);
      await expectLedger(site, job);
    }));
});

describe('services that go away when the work is done', () => {
  it('and stay away for longer than there is time: the results wait at home, are adopted, and no item runs again', () =>
    withCrashSite({ place: { kind: 'AWS services behind a proxy' }, items: 8, batchItems: 4 }, async (site) => {
      const proxy = site.place.proxy as FaultProxy;
      await proxy.setRules([{ fault: 'unavailable', service: 's3', about: '/attempts/' }]);
      const job = await site.submit();
      const kept = join(site.home, 'spill', job);
      await eventually('every item has been run', () => site.calls().length === site.items);
      await proxy.setRules([{ fault: 'reset' }]);
      // As Slurm does before it takes a node away.
      for (const { pid } of site.elements()) process.kill(pid, 'SIGTERM');
      await eventually('both results are kept', () => recordsIn(kept).length === 2, 40_000);
      await proxy.setRules([]);
      await advanceToEnd(site, job);
      await expectLedger(site, job);
      expect(site.calls().toSorted((a, b) => a - b)).toEqual(Array.from({ length: site.items }, (_, n) => n));
      expect((await site.tasks(job)).map(({ attempts }) => attempts)).toEqual([1, 1]);
      expect(existsSync(kept)).toBe(false);
    }));
});

const recordsIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('spill.json'))
    : [];

/** Makes result files that go in parts. */
const WORDY = `
import { appendFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
export default ({ n }) => {
  appendFileSync(process.env.CALLS, n + '\\n');
  return { doubled: n * 2, text: randomBytes(600_000).toString('base64') };
};
`;

describe('big results on a bad day', () => {
  it('go in parts, and no upload is left half-done', () =>
    withCrashSite(
      {
        place: { kind: 'AWS services on a bad day', rate: 0.2, seed: 3 },
        items: 24,
        batchItems: 12,
        handler: WORDY,
        columns: ', text: string',
      },
      async (site) => {
        // The answers that cost most: nobody knows the ids of these uploads.
        const lost = { fault: 'lost', operation: 'CreateMultipartUpload', max: 2 } as const;
        await site.place.proxy?.setRules([lost, ...badDay(0.2)], 3);
        const job = await site.submit();
        await site.untilFinal(job);
        await expectLedger(site, job);
        const { operations } = await (site.place.proxy as FaultProxy).ledger();
        expect(operations['s3 CreateMultipartUpload']?.applied).toBeGreaterThanOrEqual(3);
        expect(operations['s3 UploadPart']?.applied).toBeGreaterThanOrEqual(6);
      },
    ));
});
