import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { AggregateDocument } from '../../src/app/documents.ts';
import { withCrashSite } from '../support/crash-site.ts';
import { expectLedger, expectNothingGoesOn, readRows } from '../support/ledger.ts';
import { eventually, momentAfter } from '../support/live-processes.ts';
import type { Where } from '../support/places.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

export function describeKilledAdvances(at: { readonly place: Where }): void {
  describe(`an advance that is killed, with state in ${at.place.kind}`, () => {
    it('while tasks are running is followed by one that finishes', () =>
      withCrashSite({ ...at, items: 90, batchItems: 10, itemMs: 60 }, async (site) => {
        const job = await site.submit();
        const random = createSeededRandom(4);
        for (let kill = 0; kill < 6; kill += 1) {
          const advance = site.cli.start(['advance', job, '--wait-lease', '5s']);
          const ended = once(advance, 'exit');
          await momentAfter(150 + random.next() * 400);
          advance.kill('SIGKILL');
          await ended;
        }
        await site.untilFinal(job);
        await expectLedger(site, job);
        expect(site.calls()).toHaveLength(90);
      }));

    it('while it merges is followed by one that publishes, whoever was killed', () =>
      withCrashSite({ ...at, items: 240, batchItems: 3 }, async (site) => {
        const job = await site.submit();
        const random = createSeededRandom(5);
        const isMerging = async (): Promise<boolean> => (await site.meta(job))?.state === 'AGGREGATING';
        // The finaliser is the first to merge, and the first to die.
        const handle = await eventually('the finaliser is queued', async () => {
          const rows = await site.submissions(job);
          return rows.find((row) => row.kind === 'finaliser')?.handle ?? null;
        });
        // Nothing else is asked meanwhile, and that all the time: a merge of so little is over in a moment.
        while (!(await isMerging())) expect((await site.meta(job))?.state).toMatch(/^(SUBMITTED|RUNNING|AGGREGATING)$/);
        const finaliser = site.elements().find((one) => one.attempt.startsWith(`${handle}_`));
        expect(finaliser).toBeDefined();
        process.kill(finaliser?.pid ?? Number.NaN, 'SIGKILL');
        for (let kill = 0; kill < 8 && (await isMerging()); kill += 1) {
          const advance = site.cli.start(['advance', job, '--wait-lease', '5s']);
          const ended = once(advance, 'exit');
          await momentAfter(200 + random.next() * 250);
          advance.kill('SIGKILL');
          await ended;
        }
        const last = await site.cli('advance', job, '--wait-lease', '5s');
        expect(last.code, last.stderr).toBe(0);
        await expectLedger(site, job);
        expect(site.calls()).toHaveLength(240);
      }));
  });
}

export function describeCancels(at: { readonly place: Where }, count: number): void {
  describe(`cancel, with state in ${at.place.kind}`, () => {
    const moments = Array.from({ length: count }, (_, n) =>
      Math.round(((n + createSeededRandom(n).next()) * 910) / count),
    );

    it.each(moments)('%i ms into the job leaves nothing running, and what is there can be published', (ms) =>
      withCrashSite({ ...at, items: 80, batchItems: 10, itemMs: 200 }, async (site) => {
        const submit = site.cli.start(['submit', 'job.yaml']);
        const submitEnded = once(submit, 'exit');
        const job = await eventually('the job is stored', async () => {
          const [known] = await site.jobs();
          return known !== undefined && (await site.meta(known.id)) !== null && known.id;
        });
        await momentAfter(ms);
        const cancelled = await site.cli('cancel', job, '--reason', 'enough');
        expect(cancelled.code, cancelled.stderr).toBe(0);
        await submitEnded;
        expect(await site.meta(job)).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
        await expectNothingGoesOn(site, job);
        const before = await site.tasks(job);
        const published = await site.cli('aggregate', job, '--json');
        const stage = (await site.meta(job))?.stage;
        if (stage !== 'ready') {
          expect(published.code).not.toBe(0);
          expect(published.code).not.toBe(1);
          return;
        }
        expect(published.code, published.stderr).toBe(0);
        const { rows } = JSON.parse(published.stdout) as AggregateDocument;
        expect(rows).toBe(80);
        const found = await readRows(site, job);
        expect(found.map((row) => row.index)).toEqual(Array.from({ length: 80 }, (_, n) => n));
        for (const row of found) {
          // What a task had saved before it was cancelled is kept, too.
          const done = before.find((task) => Number(task.id) === Math.floor(row.index / 10))?.state === 'DONE';
          if (done) expect(row.status).toBe('succeeded');
          expect(row.doubled).toBe(row.status === 'succeeded' ? row.index * 2 : null);
        }
      }),
    );
  });
}
