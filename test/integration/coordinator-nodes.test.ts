import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { AVOID_MS } from '../../src/coordinator/judge-nodes.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import { readAvoidedNodes } from '../../src/coordinator/watch-nodes.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { BatchLimits, ElementState, SubmitRequest } from '../../src/ports/batch-system.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const SPREAD = { items: 12, batchItems: 1, slots: 6, spec: { slurm: { elements: 'tasks', extra: [] } } } as const;

/** A job of twelve elements, the first four of which die at once on n7 while the others end well on n1. */
async function onBadNode(
  use: (scene: {
    readonly deps: CoordinatorDeps;
    readonly job: Awaited<ReturnType<typeof submitJob>>['job'];
    readonly pass: (more?: Partial<CoordinatorDeps['batch']>) => ReturnType<typeof advanceJob>;
    readonly sent: () => SubmitRequest[];
    readonly skip: (ms: number) => void;
    /** Lets the array sent last end without trouble. */
    readonly endWell: () => void;
  }) => Promise<void>,
): Promise<void> {
  await withTempDir(async (root) => {
    const rig = createRig(root, SPREAD);
    const base = rig.process();
    const ended = new Map<string, { readonly isBad: boolean }>();
    const batch: CoordinatorDeps['batch'] = {
      ...base.batch,
      async states(handles) {
        const states = await base.batch.states(handles);
        return states.map((state): ElementState => {
          const end = ended.get(state.id);
          if (end === undefined) return state;
          const isBad = end.isBad && state.index < 4;
          const how = isBad ? ({ cause: 'worker-error', node: 'n7' } as const) : { cause: null, node: 'n1' };
          return { ...state, ...how, phase: 'ended', rawState: 'FAILED', ranMs: 4_000 };
        });
      },
    };
    const deps = { ...base, batch };
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    // As the finaliser that was queued with the array: it does not count itself.
    const inside = { ...deps, batch, ownBatchJobId: rig.batch.accepted.at(-1)?.handle.id ?? null };
    const arrays = () => rig.batch.accepted.filter(({ request }) => request.array !== undefined);
    const end = (isBad: boolean): void => void ended.set(arrays().at(-1)?.handle.id ?? '', { isBad });
    end(true);
    rig.clock.skip(6_000);
    await use({
      deps,
      job,
      pass: (more = {}) =>
        advanceJob({ ...inside, batch: { ...batch, ...more } }, { job, waitLeaseMs: 60_000, patienceMs: 0 }),
      sent: () => rig.batch.accepted.map(({ request }) => request),
      skip: (ms) => rig.clock.skip(ms),
      endWell: () => end(false),
    });
  });
}

describe('a node on which elements die at once while others work', () => {
  it('is excluded by the next array and the next finaliser, and said to be', () =>
    onBadNode(async ({ pass, sent, deps, job }) => {
      const before = sent().length;
      const { steps } = await pass();
      expect(steps).toContain('node n7 is avoided for 4 h: 4 elements died there within 4 s, none elsewhere');
      expect(
        sent()
          .slice(before)
          .map(({ exclude }) => exclude),
      ).toEqual([['n7'], ['n7']]);
      expect(await readAvoidedNodes(deps.state, job, deps.clock.nowMs())).toMatchObject([{ node: 'n7' }]);
      const rows = await readSubmissions(deps.state, job);
      expect(rows[0]).toMatchObject({
        state: 'ENDED',
        nodes: { n7: { quick: 4, good: 0, slowestMs: 4_000 }, n1: { quick: 0, good: 8, slowestMs: 0 } },
      });
      expect((await pass()).steps.join()).not.toContain('avoided');
    }));

  it('is given another chance after some hours', () =>
    onBadNode(async ({ pass, sent, skip, endWell }) => {
      for (const ms of [AVOID_MS, 60_000]) {
        await pass();
        endWell();
        skip(ms);
      }
      const arrays = sent().filter(({ array }) => array !== undefined);
      expect(arrays.map(({ exclude }) => exclude)).toEqual([undefined, ['n7'], undefined]);
    }));

  it('is used all the same where nothing else can run the elements', () =>
    onBadNode(async ({ pass, sent, deps }) => {
      const limits = async (request: Parameters<CoordinatorDeps['batch']['limits']>[0]): Promise<BatchLimits> => {
        if (request.exclude !== undefined) throw new AppError('BATCH_REFUSED', { message: 'none left' });
        return deps.batch.limits(request);
      };
      await pass({ limits });
      expect(sent().findLast(({ array }) => array !== undefined)?.exclude).toBeUndefined();
    }));

  it('is used all the same where the batch system refuses the exclusion', () =>
    onBadNode(async ({ pass, sent, deps, job }) => {
      const asked: (readonly string[] | undefined)[] = [];
      await pass({
        async submit(request) {
          asked.push(request.exclude);
          if (request.exclude !== undefined) throw new AppError('BATCH_REFUSED', { message: 'not available' });
          return deps.batch.submit(request);
        },
      });
      expect(asked).toEqual([['n7'], undefined, ['n7'], undefined]);
      expect(
        sent()
          .slice(-2)
          .map(({ exclude }) => exclude),
      ).toEqual([undefined, undefined]);
      const rows = await readSubmissions(deps.state, job);
      expect(rows.slice(-2).map(({ state, exclude }) => [state, exclude])).toEqual([
        ['SUBMITTED', []],
        ['SUBMITTED', []],
      ]);
    }));
});
