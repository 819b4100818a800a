import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/app/documents.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { withCrashSite, type CrashSite, type SiteOptions } from '../support/crash-site.ts';
import { expectLedger } from '../support/ledger.ts';
import { eventually, momentAfter } from '../support/live-processes.ts';
import type { Where } from '../support/places.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

/** A job whose submit is killed. */
export const SMALL_INPUT = { input: 'a small input', items: 60, batchItems: 10 };
const QUIET_HANDLER = 'export default ({ n }) => ({ doubled: n * 2 });';
export const BIG_INPUT = {
  input: 'an input that takes its time to split',
  items: 20_000,
  batchItems: 400,
  handler: QUIET_HANDLER,
};

/** Milliseconds from the moment a submit's job is known to the end of the submit, undisturbed. */
const lifeSpan = (options: SiteOptions): Promise<number> =>
  withCrashSite(options, async (site) => {
    const submitted = site.submit();
    await jobIsKnown(site);
    const startedMs = performance.now();
    await submitted;
    return performance.now() - startedMs;
  });

const jobIsKnown = (site: CrashSite): Promise<unknown> =>
  eventually('the job is in the index', async () => (await site.jobs())[0] ?? null);

/** What a person does who finds a submit dead: looks, and lets another process go on. */
async function finishAfterDeath(site: CrashSite, verb: 'advance' | 'tick'): Promise<'nothing' | 'finished'> {
  const [job, ...others] = await site.jobs();
  expect(others).toEqual([]);
  if (job === undefined) return 'nothing';
  const listed = await site.cli.json<{ jobs: { id: string }[] }>(['list']);
  expect(listed.jobs.map((one) => one.id)).toEqual([job.id]);
  await expectTruth(site, job.id);
  const went = verb === 'tick' ? await site.cli('tick') : await site.cli('advance', job.id);
  // The index is written before the request: a death between the two leaves a name that was never a job.
  if (went.code === 4) return 'nothing';
  // 6: the job's own finaliser is at it.
  expect([0, 6], went.stderr).toContain(went.code);
  if ((await site.meta(job.id)) === null) return 'nothing';
  await site.untilFinal(job.id);
  await expectLedger(site, job.id);
  return 'finished';
}

/** Whoever looks is told what is there: a job on its way, or a name that never became one. */
async function expectTruth(site: CrashSite, job: JobId): Promise<void> {
  const seen = await site.cli('status', job, '--json');
  expect([0, 4], seen.stdout + seen.stderr).toContain(seen.code);
  if (seen.code === 4) return;
  const { state, stage } = (await site.meta(job)) ?? {};
  const told = (JSON.parse(seen.stdout) as StatusDocument).job;
  // Elements go on meanwhile, so that it may have moved since.
  expect(['SUBMITTING', 'RUNNING', 'AGGREGATING', 'COMPLETED']).toContain(told.state);
  if (stage !== 'ready') expect(told.state).toBe(state ?? 'SUBMITTING');
}

async function killSubmit(site: CrashSite, afterMs: number): Promise<void> {
  const submit = site.cli.start(['submit', 'job.yaml']);
  const ended = once(submit, 'exit');
  await jobIsKnown(site);
  await momentAfter(afterMs);
  submit.kill('SIGKILL');
  await ended;
}

type Kills = typeof SMALL_INPUT & { readonly kills: number; readonly handler?: string };

export function describeKilledSubmits(at: { readonly place: Where }, sweeps: readonly Kills[]): void {
  describe(`a submit killed at any moment, with state in ${at.place.kind}`, () => {
    it.each(sweeps)('loses nothing and counts nothing twice: $input', async ({ kills, ...job }) => {
      const options = { ...at, ...job };
      const spanMs = await lifeSpan(options);
      const random = createSeededRandom(kills);
      const moments = Array.from({ length: kills }, (_, n) => ((n + random.next()) / kills) * spanMs);
      const ends: string[] = [];
      const worker = async (): Promise<void> => {
        for (let ms = moments.shift(); ms !== undefined; ms = moments.shift()) {
          const verb = ends.length % 2 === 0 ? 'advance' : 'tick';
          ends.push(
            await withCrashSite(options, async (site) => {
              await killSubmit(site, ms as number);
              return finishAfterDeath(site, verb);
            }).catch((error: unknown) => {
              throw new Error(`killed after ${Math.round(ms as number)} of ${Math.round(spanMs)} ms, then ${verb}`, {
                cause: error,
              });
            }),
          );
        }
      };
      // Most of the time is spent waiting for what the dead submit may have sent.
      await Promise.all([worker(), worker(), worker(), worker()]);
      expect(ends).toHaveLength(kills);
      // Only a death before the request was stored leaves nothing to go on with.
      expect(ends.filter((end) => end === 'finished').length).toBeGreaterThan(kills / 2);
    });
  });
}

export function describeAttachedSubmits(
  at: { readonly place: Where },
  signals: readonly ('SIGINT' | 'SIGKILL')[],
): void {
  describe(`an attached submit that goes away, with state in ${at.place.kind}`, () => {
    it.each(signals)('leaves the job to its finaliser: %s', (signal) =>
      withCrashSite({ ...at, items: 40, batchItems: 10, itemMs: 40 }, async (site) => {
        const submit = site.cli.start(['submit', 'job.yaml', '--wait']);
        const ended = once(submit, 'exit');
        const job = await eventually('a finaliser is queued', async () => {
          const [known] = await site.jobs();
          if (known === undefined) return null;
          const rows = await site.submissions(known.id);
          return rows.some((row) => row.kind === 'finaliser' && row.state === 'SUBMITTED') && known.id;
        });
        submit.kill(signal);
        const [code] = (await ended) as [number | null];
        expect(code).toBe(signal === 'SIGINT' ? 130 : null);
        await site.untilFinal(job);
        await expectLedger(site, job);
        expect(site.calls().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n));
      }),
    );
  });
}

export function describeSeveralAtOnce(at: { readonly place: Where }): void {
  describe(`several processes at once, with state in ${at.place.kind}`, () => {
    it('two submits of one file make two whole jobs', () =>
      withCrashSite({ ...at, items: 50, batchItems: 10 }, async (site) => {
        const jobs = await Promise.all([site.submit(), site.submit()]);
        expect(new Set(jobs).size).toBe(2);
        for (const job of jobs) await site.untilFinal(job);
        for (const job of jobs) await expectLedger(site, job);
        expect(site.calls()).toHaveLength(100);
      }));

    it('advances and ticks that race do every step once', () =>
      withCrashSite({ ...at, items: 60, batchItems: 10, itemMs: 10 }, async (site) => {
        const job = await site.submit();
        const racer = async (...args: string[]): Promise<void> => {
          for (let final = false; !final; final = (await site.meta(job))?.state === 'COMPLETED') {
            const { code, stdout, stderr } = await site.cli(...args);
            expect([0, 6], stdout + stderr).toContain(code);
          }
        };
        await Promise.all([
          racer('advance', job),
          racer('advance', job),
          racer('advance', job),
          racer('tick'),
          racer('tick'),
        ]);
        await expectLedger(site, job);
        expect(site.calls()).toHaveLength(60);
      }));
  });
}
