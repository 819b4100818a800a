/** Carries a decision of the retry planner out: first its record, then the move of the task, so that `explain` knows of every move. */
import { fingerprintOf } from '../domain/fingerprint.ts';
import { DETAIL_CHARS, type AttemptRecord } from '../domain/history.ts';
import { sizeFor } from '../domain/element-size.ts';
import type { RetryDecision, RetryQuestion } from '../domain/retry-decision.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';
import { historyKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateChange, StateItem, StateValue } from '../ports/state-table.ts';
import type { Gone } from './judge-running.ts';
import { moveTask, sameOwner, sameWait } from './move-task.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { Pass, Settled } from './reconcile.ts';
import type { Task } from './task-list.ts';

/** Owner, progress, and what told of the end: they belong to the attempt, and its record keeps what is of use. */
const OF_THE_ATTEMPT: readonly (keyof TaskItem)[] = [
  'owner',
  'node',
  'heartbeatMs',
  'startedMs',
  'progress',
  'progressFailed',
  'exitCode',
  'signal',
  'inFlight',
  'trying',
  'stalled',
];
const PLANNED: readonly (keyof RetryDecision['plan'])[] = [
  'suspects',
  'strikes',
  'strikesOf',
  'quarantined',
  'needs',
  'escalations',
  'idleAttempts',
  'leavesNone',
];

/** The attempt is over without a commit: retry later, or give up. */
export async function decide(deps: CoordinatorDeps, pass: Pass, task: Task, gone: Gone): Promise<Settled> {
  const failure = factsOf(gone);
  const endedMs = deps.clock.nowMs();
  const planned = await askPlanner(deps, pass, { task, gone, failure });
  const decision = { ...planned, delayMs: Math.max(planned.delayMs, dueInMs(planned, gone, endedMs)) };
  const ended = { endedMs, fingerprint: fingerprintOf(failure), detail: gone.detail.slice(0, DETAIL_CHARS) };
  await writeRecord(deps, pass, task, recordOf(pass, task, { gone, decision, ...ended }));
  const notBeforeMs = endedMs + decision.delayMs;
  const givesUp = decision.decision === 'give-up';
  const change = changeOf(task, decision, {
    state: givesUp ? 'DEAD' : 'WAIT',
    cause: gone.cause,
    causeDetail: ended.detail,
    fingerprint: ended.fingerprint,
    // Before the first checkpoint of a task that a retry opened it stays what the retry left alone, which no attempt has brought.
    checkpointSeen: task.checkpoint?.items ?? task.checkpointSeen ?? 0,
    ...(givesUp ? {} : { notBeforeMs }),
  });
  const { task: after, moved } = await moveTask(deps, pass, task, {
    change,
    when: task.state === 'RUNNING' ? sameOwner(task) : sameWait(task),
  });
  if (!moved) return { task: after };
  if (!givesUp) {
    const { id, generation, attempts } = after;
    await pass.hints.send({ job: pass.job, task: id, generation, attempts, notBeforeMs });
  }
  const when = givesUp ? '' : ` in ${Math.ceil(decision.delayMs / 1_000)} s`;
  return { task: after, step: `task ${task.id}: ${gone.cause} (${ended.detail}); ${decision.why}${when}` };
}

/** Items that get more of what ran out do not wait for others whose pause is long, and which then have one shorter pause. */
const dueInMs = ({ decision }: RetryDecision, { notBeforeMs = 0 }: Gone, endedMs: number): number =>
  decision === 'escalate' ? 0 : notBeforeMs - endedMs;

/** `Class: message`, as workers write it. */
const CLASS_FIRST = /^([A-Za-z_$][\w$.]{0,63}): ([^]*)$/;

function factsOf({ cause, said, exitCode, signal, batchState }: Gone): FailureFacts {
  const [, errorClass, message] = CLASS_FIRST.exec(said ?? '') ?? [undefined, undefined, said];
  return {
    cause,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(message === undefined ? {} : { message }),
    ...(batchState === undefined ? {} : { batchState }),
  };
}

/** What the batch system has is asked for only when something is to be raised. */
async function askPlanner(
  { planner, random }: CoordinatorDeps,
  pass: Pass,
  { task, gone, failure }: { readonly task: Task; readonly gone: Gone; readonly failure: FailureFacts },
): Promise<RetryDecision> {
  const { retry: policy, resources } = pass.manifest.spec;
  const { inFlight = '' } = task;
  const question: RetryQuestion = {
    task: gone.isReported === true ? { ...task, inFlight } : task,
    failure,
    died: gone.died,
    isCanary: pass.breakers.isCanary(task),
    rules: pass.rules,
    policy,
    resources,
    most: { memoryBytes: null, timeMs: null },
    random: random.next(),
  };
  const decision = planner.decideRetry(question);
  if (decision.decision !== 'escalate') return decision;
  return planner.decideRetry({ ...question, most: await pass.most() });
}

function recordOf(
  { manifest }: Pass,
  task: Task,
  end: {
    readonly gone: Gone;
    readonly decision: RetryDecision;
    readonly endedMs: number;
    readonly fingerprint: string;
    readonly detail: string;
  },
): AttemptRecord {
  const { gone, decision, endedMs, fingerprint, detail } = end;
  const { suspects } = decision.plan;
  return {
    ...(task.owner === undefined ? {} : { attempt: task.owner }),
    generation: task.generation,
    ...(task.node === undefined ? {} : { node: task.node }),
    ...(task.startedMs === undefined ? {} : { startedMs: task.startedMs }),
    endedMs,
    cause: gone.cause,
    detail,
    ...(gone.exitCode === undefined ? {} : { exitCode: gone.exitCode }),
    ...(gone.signal === undefined ? {} : { signal: gone.signal }),
    fingerprint,
    savedItems: task.checkpoint?.items ?? 0,
    decision: decision.decision,
    rule: decision.rule,
    why: decision.why,
    charged: decision.charged,
    ...(decision.decision === 'give-up' ? {} : { notBeforeMs: endedMs + decision.delayMs }),
    ...sizeFor(manifest.spec.resources, task.needs),
    ...(suspects === undefined ? {} : { suspects }),
  };
}

/** The same record again is the same; of two passes that decide at once the later one has the say here, and one of them about the task. */
async function writeRecord(deps: CoordinatorDeps, pass: Pass, task: Task, record: AttemptRecord): Promise<void> {
  const key = historyKey(pass.job, task.id, task.attempts);
  const write = () =>
    deps.state.write(key, { set: record as unknown as StateItem }, { op: 'not', of: { op: 'present', path: 'never' } });
  try {
    await write();
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    await write();
  }
}

function changeOf(
  task: Task,
  { plan, charged }: RetryDecision,
  set: Readonly<Record<string, StateValue>>,
): StateChange {
  const gone = PLANNED.filter((name) => plan[name] === undefined && task[name] !== undefined);
  return {
    set: { ...set, ...(plan as StateItem) },
    remove: [...OF_THE_ATTEMPT, ...gone],
    ...(charged ? {} : { add: { charged: -1 } }),
  };
}
