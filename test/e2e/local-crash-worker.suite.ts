import { describe, expect, it } from 'vitest';
import type { AdvanceDocument } from '../../src/app/documents.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { withCrashSite, type CrashSite } from '../support/crash-site.ts';
import type { Task } from '../../src/coordinator/task-list.ts';
import { expectLedger, readRows } from '../support/ledger.ts';
import { eventually } from '../support/live-processes.ts';
import type { Where } from '../support/places.ts';

const RETRY = 'retry: {attempts: 3, backoff: 1s..1s}';

/** A running task with at least `items` of them saved, and the process that works on it. */
const taskWithCheckpoint = (site: CrashSite, job: JobId, items: number): Promise<{ task: Task; pid: number }> =>
  eventually('a task has a checkpoint', async () => {
    const tasks = await site.tasks(job);
    const task = tasks.find((one) => one.state === 'RUNNING' && (one.checkpoint?.items ?? 0) >= items);
    const element = site.elements().find((one) => one.attempt === task?.owner);
    return task !== undefined && element !== undefined && { task, pid: element.pid };
  });

/** Passes until one says what became of the task. */
const stepAbout = (site: CrashSite, job: JobId, task: Task): Promise<string> =>
  eventually(`a pass names the cause of task ${task.id}`, async () => {
    const { steps } = await site.cli.json<AdvanceDocument>(['advance', job, '--wait-lease', '10s']);
    return steps.find((step) => step.startsWith(`task ${task.id}: `)) ?? null;
  });

/** How often the handler was called with each item. */
function callCounts(site: CrashSite): number[] {
  const counts = Array.from({ length: site.items }, () => 0);
  for (const n of site.calls()) counts[n] = (counts[n] ?? 0) + 1;
  return counts;
}

const firstItem = (task: Task, batchItems: number): number => Number(task.id) * batchItems;

export function describeKilledWorkers(at: { readonly place: Where }): void {
  describe(`a worker killed in the middle of a task, with state in ${at.place.kind}`, () => {
    it('costs next to nothing, and the cause is named', () =>
      withCrashSite({ ...at, items: 120, batchItems: 60, itemMs: 100, more: RETRY }, async (site) => {
        const job = await site.submit();
        const { task, pid } = await taskWithCheckpoint(site, job, 15);
        process.kill(pid, 'SIGKILL');
        expect(await stepAbout(site, job, task)).toMatch(
          // Between two items no item is to blame.
          /^task \d+: killed \(.*signal 9 while (item \d+ was running\); retried;|no item was running\); retried \().*in \d s$/,
        );
        await site.untilFinal(job);
        await expectLedger(site, job);
        const counts = callCounts(site);
        const first = firstItem(task, 60);
        expect(counts.slice(first, first + (task.checkpoint?.items ?? 0)).every((count) => count === 1)).toBe(true);
        expect(counts.every((count) => count === 1 || count === 2)).toBe(true);
        // What was being run, and a fifth of a second of work: the rest was saved from what the worker left on its node.
        expect(site.calls().length - site.items).toBeLessThan(9);
        expect((await site.tasks(job)).map((one) => one.attempts).toSorted((a, b) => a - b)).toEqual([1, 2]);
      }));

    it('costs no item when it was told to stop', () =>
      withCrashSite({ ...at, items: 120, batchItems: 60, itemMs: 100, more: RETRY }, async (site) => {
        const job = await site.submit();
        const { task, pid } = await taskWithCheckpoint(site, job, 15);
        process.kill(pid, 'SIGTERM');
        expect(await stepAbout(site, job, task)).toMatch(
          /^task \d+: preempted \(.*told to stop.*\); retried .*in \d s$/,
        );
        await site.untilFinal(job);
        await expectLedger(site, job);
        expect(callCounts(site)).toEqual(Array.from({ length: site.items }, () => 1));
      }));

    it('again and again by the same item ends with that item put aside and every other done', () =>
      withCrashSite(
        { ...at, items: 40, batchItems: 10, handler: POISONED, more: 'retry: {attempts: 2, backoff: 1s..1s}' },
        async (site) => {
          const ended = await site.cli('submit', 'job.yaml', '--wait');
          expect(ended.code, ended.stderr).toBe(3);
          const job = ended.stdout.trim() as JobId;
          await expectLedger(site, job, { state: 'FAILED', failed: (n) => n === 25 });
          const sql = 'select item_index, error_class, cause, error_message from errors';
          const { rows } = await site.cli.json<{ rows: unknown[][] }>(['results', job, '--query', sql]);
          expect(rows.map(([item, errorClass, cause]) => [Number(item), errorClass, cause])).toEqual([
            [25, 'quarantined', 'killed'],
          ]);
          expect(rows[0]?.[3]).toContain('signal 9 while item 25 was running');
          // Once among others, and alone until nobody doubts it.
          expect(callCounts(site)[25]).toBeLessThanOrEqual(3);
        },
      ));
  });
}

/** Item 25 takes the whole worker down. */
const POISONED = `
import { appendFileSync } from 'node:fs';
export default ({ n }) => {
  appendFileSync(process.env.CALLS, n + '\\n');
  if (n === 25) process.kill(process.pid, 'SIGKILL');
  return { doubled: n * 2 };
};
`;

export function describeTimeLimit(at: { readonly place: Where }): void {
  describe(`an element that reaches its time limit, with state in ${at.place.kind}`, () => {
    it('names it, and the next one goes on where it was', () =>
      withCrashSite({ ...at, items: 45, batchItems: 45, itemMs: 150, time: '5s', more: RETRY }, async (site) => {
        const job = await site.submit();
        const [running] = await eventually('the task runs', async () => {
          const tasks = await site.tasks(job);
          return tasks[0]?.state === 'RUNNING' && tasks;
        });
        const task = running as Task;
        const waiting = await eventually('its element is over', async () => {
          const [seen] = await site.tasks(job);
          return seen?.cause !== undefined && seen;
        });
        expect(waiting.cause).toBe('time-limit');
        await site.untilFinal(job);
        await expectLedger(site, job);
        const [after] = await site.tasks(job);
        expect(after?.id).toBe(task.id);
        expect(after?.attempts).toBeGreaterThan(1);
        // Each limit may cut one item short, and only that one is run again.
        expect(site.calls().length).toBeLessThan(site.items + (after?.attempts ?? 0));
      }));
  });
}

export function describeKilledSupervisor(at: { readonly place: Where }): void {
  describe(`the local supervisor killed in the middle of a job, with state in ${at.place.kind}`, () => {
    it('takes its elements with it, and one pass of anybody brings them back', () =>
      withCrashSite({ ...at, items: 120, batchItems: 60, itemMs: 100, more: RETRY }, async (site) => {
        const job = await site.submit();
        const { task } = await taskWithCheckpoint(site, job, 15);
        const pid = site.supervisorPid();
        process.kill(pid as number, 'SIGKILL');
        const ticked = await site.cli('tick');
        expect(ticked.code, ticked.stderr).toBe(0);
        await site.untilFinal(job);
        await expectLedger(site, job);
        expect(site.supervisorPid()).not.toBe(pid);
        const saved = callCounts(site).slice(firstItem(task, 60), firstItem(task, 60) + (task.checkpoint?.items ?? 0));
        expect(saved.every((count) => count === 1)).toBe(true);
        // A worker without a supervisor goes on until the next supervisor ends it; a fast one may have committed by then.
        for (const one of await site.tasks(job)) expect([one.charged, one.attempts <= 2]).toEqual([1, true]);
      }));
  });
}

export function describeUndisturbed(at: { readonly place: Where }, choices: readonly string[]): void {
  describe(`when nothing dies, with state in ${at.place.kind}`, () => {
    it.each(choices)('every item is run once, and the output is the same: elements %s', async (elements) => {
      const options = { ...at, items: 64, batchItems: 2, slots: 4, more: `slurm: {elements: ${elements}}` };
      await withCrashSite(options, async (site) => {
        const job = await site.submit();
        await site.untilFinal(job);
        await expectLedger(site, job);
        expect(callCounts(site)).toEqual(Array.from({ length: site.items }, () => 1));
        const tasks = await site.tasks(job);
        expect(tasks).toHaveLength(32);
        expect(tasks.every((task) => task.attempts === 1)).toBe(true);
        expect((await readRows(site, job)).every((row) => row.errorClass === null)).toBe(true);
      });
    });
  });
}
