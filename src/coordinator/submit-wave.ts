/**
 * Gets a wave's arrays into the batch system. A wave is planned once — task list, then one outbox row per chunk, then META — and sent until
 * every row is answered; a process that dies in between is continued from the rows by whoever advances the job next.
 */
import type { TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { waveKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type WaveManifest } from '../domain/manifest.ts';
import { moveJob, updateMeta } from './job-meta.ts';
import { planChunks, planElements } from './plan-array.ts';
import { PACE_MS, sendRow, type SendContext } from './send.ts';
import { readSubmissions, writeIntent, type Submission } from './submissions.ts';

export interface WaveResult {
  readonly meta: JobMeta;
  readonly waitingFor: string | null;
  readonly steps: readonly string[];
}

/** Writes the outbox rows of a wave. `tasks`: null for wave 0, which is every task; `most` bounds the elements (for a top-up beside live ones). */
export async function planWave(
  context: SendContext,
  meta: JobMeta,
  request: {
    readonly wave: number;
    readonly tasks: readonly TaskId[] | null;
    readonly most?: number;
    /** What `judgeWave` needs to tell later whether this wave did anything. */
    readonly history?: { readonly attemptsAtWave: number; readonly fruitlessWaves: number };
  },
): Promise<JobMeta> {
  const { deps, job, manifest, lease } = context;
  const { spec } = manifest;
  const limits = await deps.batch.limits({
    ...(spec.slurm.partition === undefined ? {} : { partition: spec.slurm.partition }),
    resources: spec.resources,
  });
  const count = request.tasks?.length ?? meta.tasks;
  const planned = planElements(spec.slurm, count, limits.slots).elements;
  const elements = Math.max(1, Math.min(planned, request.most ?? planned));
  if (request.tasks !== null) {
    const list: WaveManifest = { schema: MANIFEST_SCHEMAS.wave, wave: request.wave, tasks: request.tasks };
    await deps.store.put(waveKey(job, request.wave), JSON.stringify(list));
  }
  for (const chunk of planChunks(elements, limits.maxArraySize)) {
    lease.assertHeld();
    await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'array',
      wave: request.wave,
      elements: chunk.elements,
      offset: chunk.offset,
      waveElements: elements,
      createdMs: deps.clock.nowMs(),
    });
  }
  return updateMeta(deps.state, job, ['SUBMITTING', 'RUNNING'], {
    fence: lease.fence,
    nowMs: deps.clock.nowMs(),
    set: { wave: request.wave, ...request.history },
  });
}

/** Sends every array row that is still INTENT, and moves the job to RUNNING as soon as one array is in. */
export async function sendWave(context: SendContext, meta: JobMeta): Promise<WaveResult> {
  const { deps, job } = context;
  const rows = (await readSubmissions(deps.state, job)).filter((row) => row.kind === 'array');
  const steps: string[] = [];
  // Also for rows accepted by a process that died before it could say so here.
  let current = await recordAccepted(context, meta, rows);
  for (const [position, intent] of rows.filter((one) => one.state === 'INTENT').entries()) {
    if (position > 0) await deps.clock.sleep(PACE_MS, context.signal);
    const { row, waitingFor } = await sendRow(context, intent);
    if (row.state === 'SUBMITTED') steps.push(`submitted ${row.elements} elements as ${row.handle} (wave ${row.wave})`);
    current = await recordAccepted(context, current, [row]);
    if (waitingFor !== null) return { meta: await recordWait(context, current, waitingFor), waitingFor, steps };
  }
  if (current.waitingFor !== undefined) current = await recordWait(context, current, null);
  return { meta: current, waitingFor: null, steps };
}

async function recordAccepted(context: SendContext, meta: JobMeta, rows: readonly Submission[]): Promise<JobMeta> {
  const { deps, job, lease } = context;
  const accepted = rows.filter((row) => row.handle !== undefined).map((row) => row.wave);
  const submittedWave = Math.max(meta.submittedWave, ...accepted);
  if (submittedWave === meta.submittedWave) return meta;
  return moveJob(deps.state, job, 'RUNNING', { fence: lease.fence, nowMs: deps.clock.nowMs(), set: { submittedWave } });
}

const recordWait = (context: SendContext, meta: JobMeta, waitingFor: string | null): Promise<JobMeta> =>
  updateMeta(context.deps.state, context.job, [meta.state], {
    fence: context.lease.fence,
    nowMs: context.deps.clock.nowMs(),
    ...(waitingFor === null ? { remove: ['waitingFor'] } : { set: { waitingFor } }),
  });
