/**
 * Gets a wave's arrays into the batch system. A wave is planned once — task list, then one outbox row per chunk, then META — and sent until
 * every row is answered; a process that dies in between is continued from the rows by whoever advances the job next.
 *
 * Tasks that ask for different resources are groups of one wave: each goes out as submissions of its own.
 */
import { isSameSize, sizeFor, type ElementSize } from '../domain/element-size.ts';
import type { TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { waveKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type WaveManifest } from '../domain/manifest.ts';
import { isAppError, type AppError } from '../errors/app-error.ts';
import type { BatchLimits } from '../ports/batch-system.ts';
import { moveJob, updateMeta } from './job-meta.ts';
import { fedNow } from './limit-feed.ts';
import { planChunks, planElements } from './plan-array.ts';
import { avoiding, PACE_MS, sendRow, type SendContext } from './send.ts';
import { readSubmissions, writeIntent, type Submission } from './submissions.ts';

export interface WaveResult {
  readonly meta: JobMeta;
  readonly waitingFor: string | null;
  readonly steps: readonly string[];
  /** Rows that ask for something else than the job does, and were refused. */
  readonly refused: readonly Submission[];
}

/** Tasks of one size that a wave is for. */
export interface PlannedGroup {
  readonly size: ElementSize;
  readonly tasks: readonly TaskId[];
  readonly elements: number;
  /** Largest array of this size. */
  readonly maxArraySize: number;
  readonly exclude?: readonly string[];
  /** What `judgeWave` needs to tell later whether these elements did anything. */
  readonly history: { readonly attemptsBefore: number; readonly fruitlessBefore: number };
}

/** Limits for elements of a size, and the nodes that they are to avoid: none, when no other could run them. */
export async function limitsFor(
  context: Pick<SendContext, 'deps' | 'manifest' | 'avoid'>,
  size: ElementSize,
): Promise<BatchLimits & { readonly exclude?: readonly string[] }> {
  const { slurm, resources } = context.manifest.spec;
  const request = {
    ...(slurm.partition === undefined ? {} : { partition: slurm.partition }),
    resources: { ...resources, ...size },
  };
  const { exclude } = avoiding(context);
  if (exclude === undefined) return context.deps.batch.limits(request);
  try {
    return { ...(await context.deps.batch.limits({ ...request, exclude })), exclude };
  } catch (error) {
    if (!isAppError(error, 'BATCH_REFUSED')) throw error;
    return context.deps.batch.limits(request);
  }
}

/** Writes the outbox rows of wave 0, which is for every task. */
export async function planFirstWave(context: SendContext, meta: JobMeta): Promise<JobMeta> {
  const { spec } = context.manifest;
  const size = sizeFor(spec.resources, undefined);
  const limits = await limitsFor(context, size);
  const fed = await fedNow(context.deps.state, spec, { nowMs: context.deps.clock.nowMs() });
  const { elements } = planElements(spec.slurm, meta.tasks, limits.slots, fed);
  await writeRows(context, meta, {
    wave: 0,
    group: { size, elements, maxArraySize: limits.maxArraySize, history: { attemptsBefore: 0, fruitlessBefore: 0 } },
  });
  return recordPlanned(context, 0);
}

/** Writes the task list and the outbox rows of a later wave. */
export async function planWave(
  context: SendContext,
  meta: JobMeta,
  request: { readonly wave: number; readonly groups: readonly PlannedGroup[] },
): Promise<JobMeta> {
  const { deps, job } = context;
  const { wave, groups } = request;
  const list: WaveManifest = {
    schema: MANIFEST_SCHEMAS.wave,
    wave,
    tasks: groups.flatMap(({ tasks }) => tasks),
    groups: groups.map(({ size, tasks }) => ({ ...size, count: tasks.length })),
  };
  context.lease.assertHeld();
  await deps.store.put(waveKey(job, wave), JSON.stringify(list));
  for (const [number, group] of groups.entries()) await writeRows(context, meta, { wave, group, number });
  return recordPlanned(context, wave);
}

async function writeRows(
  context: SendContext,
  meta: JobMeta,
  {
    wave,
    group,
    number,
  }: { readonly wave: number; readonly group: Omit<PlannedGroup, 'tasks'>; readonly number?: number },
): Promise<void> {
  const { deps, job, lease } = context;
  for (const chunk of planChunks(group.elements, group.maxArraySize)) {
    lease.assertHeld();
    await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], {
      kind: 'array',
      wave,
      elements: chunk.elements,
      offset: chunk.offset,
      waveElements: group.elements,
      ...(number === undefined ? {} : { group: number }),
      ...group.size,
      ...(group.exclude === undefined ? {} : { exclude: group.exclude }),
      ...group.history,
      generation: meta.generation,
      createdMs: deps.clock.nowMs(),
    });
  }
}

const recordPlanned = ({ deps, job, lease }: SendContext, wave: number): Promise<JobMeta> =>
  updateMeta(deps.state, job, ['SUBMITTING', 'RUNNING'], {
    fence: lease.fence,
    nowMs: deps.clock.nowMs(),
    set: { wave },
  });

/**
 * Sends every array row that is still INTENT, and moves the job to RUNNING as soon as one array is in. A row that asks for something else than the
 * job does may be refused without harm to the others.
 * @throws BATCH_REFUSED for a row that asks for what the job asks for, after the others were sent
 */
export async function sendWave(context: SendContext, meta: JobMeta): Promise<WaveResult> {
  const { deps, job } = context;
  const rows = (await readSubmissions(deps.state, job)).filter((row) => row.kind === 'array');
  const sent = { steps: [] as string[], refused: [] as Submission[] };
  // Also for rows accepted by a process that died before it could say so here.
  let current = await recordAccepted(context, meta, rows);
  let failure: AppError | null = null;
  for (const [position, intent] of rows.filter((one) => one.state === 'INTENT').entries()) {
    const isOwnSize = isJobSize(context, intent);
    if (failure !== null && isOwnSize) continue;
    if (position > 0) await deps.clock.sleep(PACE_MS, context.signal);
    const answer = await sendRow(context, intent).catch((error: unknown) => {
      if (!isAppError(error, 'BATCH_REFUSED')) throw error;
      return error;
    });
    if (isAppError(answer)) {
      if (isOwnSize) failure = answer;
      else sent.refused.push({ ...intent, state: 'REJECTED', reason: answer.message });
      continue;
    }
    const { row, waitingFor } = answer;
    if (row.state === 'SUBMITTED')
      sent.steps.push(`submitted ${row.elements} elements as ${row.handle} (wave ${row.wave})`);
    current = await recordAccepted(context, current, [row]);
    if (waitingFor !== null) return { ...sent, meta: await recordWait(context, current, waitingFor), waitingFor };
  }
  if (failure !== null) throw failure;
  if (current.waitingFor !== undefined) current = await recordWait(context, current, null);
  return { ...sent, meta: current, waitingFor: null };
}

const isJobSize = ({ manifest }: SendContext, row: Submission): boolean =>
  isSameSize(sizeFor(manifest.spec.resources, row), manifest.spec.resources);

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
