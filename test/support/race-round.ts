import { knownJobs } from '../../src/app/find-job.ts';
import { createQuietLog } from '../../src/app/quiet-log.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { discardJob } from '../../src/coordinator/create-job.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { createLeaseWatch, LEASE_MS, type LeaseWatch } from '../../src/coordinator/lease.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { Task } from '../../src/coordinator/task-list.ts';
import { asAttemptId, type JobId, type TaskId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import type { WorkerAssignment } from '../../src/domain/manifest.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import type { Random } from '../../src/ports/random.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import type { ElementContext, WorkerDeps } from '../../src/worker/needs.ts';
import { claimTask, commitTask, heartbeat, moveCheckpoint, type ClaimedTask } from '../../src/worker/task-writes.ts';
import { createRig, type Rig } from './coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash } from './crash.ts';

export interface RaceRoundOptions {
  /** Directory for objects and input. */
  readonly root: string;
  readonly random: Random;
  readonly seed: number;
  /** Past the proxy. */
  readonly direct: StateTable;
  /** A handle of a process of its own, through the proxy. */
  readonly open: () => StateTable;
}

/** What everybody was told, to be held against what is stored. */
export interface RaceRecord {
  readonly job: JobId;
  readonly rig: Rig;
  /** Every claim that was told to have succeeded; `number`: how many attempts at the task there were with it. */
  readonly claims: readonly { readonly task: TaskId; readonly number: number; readonly attempt: string }[];
  /** Tasks of writes of workers of which nobody knows whether they were applied. */
  readonly doubtful: readonly TaskId[];
  /** Of every commit that was told to have won. */
  readonly wins: readonly { readonly task: TaskId; readonly attempt: string }[];
  /** Names and fences of leases, one for each time that somebody took one. */
  readonly fences: readonly string[];
  /** Of META, in the order in which it was looked at. */
  readonly metaFences: readonly number[];
  /** What zombies managed to do to tasks that were no longer theirs. */
  readonly zombieDeeds: readonly string[];
  readonly zombies: number;
  /** Times that a lease was taken from a live but stopped holder. */
  readonly steals: number;
}

interface Round extends RaceRoundOptions {
  readonly rig: Rig;
  readonly claims: { task: TaskId; number: number; attempt: string }[];
  readonly doubtful: TaskId[];
  readonly wins: { task: TaskId; attempt: string }[];
  readonly fences: string[];
  readonly metaFences: number[];
  readonly zombieDeeds: string[];
  readonly asleep: { readonly context: ElementContext; readonly claimed: ClaimedTask }[];
  readonly run: Set<string>;
  zombies: number;
  steals: number;
  processes: number;
}

const TASKS = 2;
const LIMIT = 40;

/** One job from submit to its end, with two coordinators, three advances at a time, and workers of which one at least is a zombie. */
export async function runRaceRound(options: RaceRoundOptions): Promise<RaceRecord> {
  const rig = createRig(options.root, {
    items: TASKS * 2,
    batchItems: 2,
    slots: 2,
    seed: options.seed,
    state: options.direct,
    spec: { retry: { items: 1, attempts: 30, backoff: { baseMs: 1_000, maxMs: 5_000 }, tolerate: {} } },
  });
  const lists = {
    claims: [],
    doubtful: [],
    wins: [],
    fences: [],
    metaFences: [],
    zombieDeeds: [],
    asleep: [],
    run: new Set<string>(),
  };
  const round: Round = { ...options, ...lists, rig, zombies: 0, steals: 0, processes: 0 };
  for (let turn = 0; turn < LIMIT; turn += 1) {
    const job = await liveJob(round);
    if (job === null) await Promise.all([submit(round), rival(round)]);
    else {
      const meta = (await readMeta(options.direct, job)) as JobMeta;
      round.metaFences.push(meta.fence);
      const over = isFinalJobState(meta.state) && round.asleep.length === 0;
      if (over && !(await knownJobs(options.direct)).some((known) => known.live)) return { job, ...round };
      const passes = [1, 2, 3].map(() => advance(round, job, createLeaseWatch()));
      await Promise.all([...passes, wakeZombies(round, job), runArrays(round, job)]);
    }
    rig.clock.skip(120_000);
  }
  throw new Error(
    `not at its end after ${LIMIT} turns: ${JSON.stringify(await rig.tasks((await liveJob(round)) as JobId))}`,
  );
}

/** The job that there is; what a submit left behind that died too early to be one is removed. */
async function liveJob({ direct, rig }: Round): Promise<JobId | null> {
  const [known] = await knownJobs(direct);
  if (known === undefined) return null;
  const meta = await readMeta(direct, known.id);
  if (meta !== null && !(meta.state === 'FAILED' && meta.tasks === 0)) return known.id;
  await discardJob(rig.process(), known.id);
  return null;
}

/** A new process. One in four dies at one of its calls. */
function newProcess(round: Round): CoordinatorDeps {
  const { rig, random } = round;
  round.processes += 1;
  const at = Math.floor(random.next() * 40);
  const crash = createCrashSwitch(random.next() < 0.25 ? { at, when: at % 2 === 0 ? 'before' : 'after' } : null);
  const base = rig.process(crash);
  const state = noteFences(round, round.open());
  return {
    ...base,
    state: crash.wrap(state),
    random,
    workerCommand: (assignment) => [JSON.stringify(assignment)],
    // Everybody is alive as far as anyone can see: a lease is only taken by waiting it out.
    host: { ...base.host, processName: `host:${round.processes}:0`, mayBeAlive: () => true },
  };
}

/** Leases are taken by writes of a new fence. */
const noteFences = (round: Round, state: StateTable): StateTable => ({
  ...state,
  async write(key, change, when) {
    const result = await state.write(key, change, when);
    const fence = change.set?.['fence'];
    if (key.partition.startsWith('L#') && typeof fence === 'number' && result.applied)
      round.fences.push(`${key.partition} ${fence}`);
    return result;
  },
});

/** A process ends by dying, or by being refused something that another try may get. */
const HARMLESS = ['LEASE_HELD', 'LEASE_LOST', 'JOB_BAD_STATE', 'JOB_NOT_FOUND'];
const end = (error: unknown): void => {
  if (error instanceof SimulatedCrash) return;
  if (!isAppError(error) || !(error.retryable || HARMLESS.includes(error.code))) throw error;
};

const submit = async (round: Round): Promise<void> => {
  await submitJob(newProcess(round), round.rig.wanted, { patienceMs: 0 }).catch(end);
};

/** The second coordinator: takes the first one's lease while that one is at work, as if it had been stopped for too long. */
async function rival(round: Round): Promise<void> {
  for (let look = 0; look < 400; look += 1) {
    const [known] = await knownJobs(round.direct);
    if (known !== undefined) {
      await advance(round, known.id, createLeaseWatch(), 1);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One pass. Whoever finds the lease held comes again once, by chance after so long that its holder counts as dead. */
async function advance(round: Round, job: JobId, leaseWatch: LeaseWatch, daring = 0.3): Promise<void> {
  const deps = newProcess(round);
  const pass = () => advanceJob(deps, { job, leaseWatch, waitLeaseMs: 0, patienceMs: 0 });
  try {
    await pass();
  } catch (error) {
    if (!isAppError(error, 'LEASE_HELD') || round.random.next() >= daring) return end(error);
    round.steals += 1;
    round.rig.clock.skip(LEASE_MS);
    await pass().catch(end);
  }
}

/** Runs every element of arrays that were not run yet; that an array was cancelled does not always come in time. */
async function runArrays(round: Round, job: JobId): Promise<void> {
  const { rig, run, random } = round;
  const arrays = rig.batch.accepted.filter(({ request, handle }) => request.array !== undefined && !run.has(handle.id));
  const elements = arrays.flatMap(({ request, handle }) => {
    run.add(handle.id);
    const assignment = JSON.parse(request.command[0] as string) as WorkerAssignment;
    return Array.from({ length: request.array?.count ?? 0 }, (_, index) =>
      runElement(round, job, { assignment, handle: handle.id, index }),
    );
  });
  await Promise.all(elements);
  if (elements.length > 0) rig.batch.endAll(random.next() < 0.5 ? {} : { cause: 'node-fail', rawState: 'NODE_FAIL' });
}

interface Element {
  readonly assignment: WorkerAssignment;
  readonly handle: string;
  readonly index: number;
}

/** After a lost answer a claim may turn out refused that was applied, and given up by a reconcile since. */
const noteDoubts = (round: Round, state: StateTable): StateTable => ({
  ...state,
  async write(key, change, when) {
    try {
      return await state.write(key, change, when);
    } catch (error) {
      round.doubtful.push(key.sort as TaskId);
      throw error;
    }
  },
});

function contextOf(round: Round, { assignment, handle, index }: Element): ElementContext {
  const { rig, random } = round;
  const deps = {
    state: noteDoubts(round, round.open()),
    store: rig.process().store,
    clock: rig.clock,
    random,
    backoffMs: () => 1,
    stop: new AbortController().signal,
    log: createQuietLog(),
  } as unknown as WorkerDeps;
  const input = { assignment, batchJobId: handle, index, restarts: 0, node: 'n1', endsAtMs: null };
  return { deps, input, attempt: asAttemptId(`${handle}_${index}.0`) };
}

const SIZE = { memoryBytes: 1, timeMs: 1 };
const TERMS = { shards: 1, own: SIZE, resources: SIZE };

/** Claims what it can, in disorder. The first claim of a round, and one in ten later on, is that of a zombie. */
async function runElement(round: Round, job: JobId, element: Element): Promise<void> {
  const { random, rig } = round;
  const context = contextOf(round, element);
  const tasks = (await rig.tasks(job)).filter((task) => task.state === 'PENDING');
  if (random.next() < 0.5) tasks.reverse();
  for (const task of tasks) {
    const claimed = await claimTask(context, task.id, TERMS).catch(unknown);
    if (claimed === null || claimed === 'unknown') continue;
    round.claims.push({ task: task.id, number: claimed.item.attempts, attempt: context.attempt });
    if (round.zombies === 0 || random.next() < 0.1) {
      round.zombies += 1;
      round.asleep.push({ context, claimed });
      return;
    }
    const pointer = { attempt: context.attempt, seq: 1, items: 1 };
    if ((await moveCheckpoint(context, claimed.key, pointer).catch(unknown)) === false) continue;
    await commit(round, context, claimed);
  }
}

async function commit(round: Round, context: ElementContext, claimed: ClaimedTask): Promise<void> {
  const win = { attempt: context.attempt, sha256: 'x', rows: 2, succeeded: 2, failed: 0 };
  const won = await commitTask(context, claimed, win).catch(unknown);
  if (won === true) round.wins.push({ task: claimed.task, attempt: context.attempt });
}

const unknown = (error: unknown): 'unknown' => {
  if (!isAppError(error) || !error.retryable) throw error;
  return 'unknown';
};

/** Zombies whose task was given up meanwhile do what they still had in mind, beside whoever has the task now. */
async function wakeZombies(round: Round, job: JobId): Promise<void> {
  const tasks = new Map((await round.rig.tasks(job)).map((task) => [task.id, task]));
  const awake = round.asleep.filter(
    ({ context, claimed }) => isLost(tasks.get(claimed.task), context) && round.random.next() < 0.6,
  );
  await Promise.all(
    awake.map(async (zombie) => {
      round.asleep.splice(round.asleep.indexOf(zombie), 1);
      const { context, claimed } = zombie;
      const deed = (what: string, done: unknown): void => {
        if (done !== false && done !== null && done !== 'unknown')
          round.zombieDeeds.push(`${what} of ${claimed.task} by ${context.attempt}`);
      };
      const pointer = { attempt: context.attempt, seq: 9, items: 2 };
      deed('heartbeat', await heartbeat(context, claimed.key, { rows: 1, failed: 0 }).catch(unknown));
      deed('checkpoint', await moveCheckpoint(context, claimed.key, pointer).catch(unknown));
      const again = await claimTask(context, claimed.task, TERMS).catch(unknown);
      if (tasks.get(claimed.task)?.state === 'DONE') deed('claim', again);
      // A task that waits for anybody may have it back.
      else if (again !== null && again !== 'unknown')
        round.claims.push({ task: claimed.task, number: again.item.attempts, attempt: context.attempt });
      // A finished output counts, unless somebody else's is there already.
      await commit(round, context, claimed);
    }),
  );
}

const isLost = (task: Task | undefined, { attempt }: ElementContext): boolean =>
  task !== undefined && (task.state !== 'RUNNING' || task.owner !== attempt);
