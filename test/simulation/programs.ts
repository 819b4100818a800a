/** What the simulated processes run: the rooms, plugged together as src/app does it, over simulated ports. The app itself is left out. */
import { aggregate } from '../../src/aggregator/aggregate.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { createLeaseWatch, LEASE_MS, type LeaseWatch } from '../../src/coordinator/lease.ts';
import type { CoordinatorDeps, NewJob } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { WorkerAssignment } from '../../src/domain/manifest.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Host } from '../../src/ports/host.ts';
import type { Ids, Random } from '../../src/ports/random.ts';
import { backoffMs } from '../../src/retry/backoff.ts';
import { retryPlanner } from '../../src/retry/planner.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { adoptSpills } from '../../src/worker/adopt-spills.ts';
import type { ElementInput } from '../../src/worker/needs.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';
import type { Processes, SimProcess } from './core/processes.ts';
import { isAlive } from './core/processes.ts';
import { processNameOf } from './invariants/watch-jobs.ts';
import type { Mutation } from './mutations/mutation.ts';
import type { Plan } from './plan.ts';
import { diskPortsOf } from './ports/disk.ts';
import { simInput, type createSimHandlers } from './ports/handler.ts';
import type { SimObjectStore } from './ports/object-store.ts';
import type { createSimQueue } from './ports/retry-queue.ts';
import type { SimSlurm } from './ports/batch-system.ts';
import type { SimBeacons } from './ports/beacon.ts';
import type { SimSpills } from './ports/spills.ts';
import type { SimStateTable } from './ports/state-table.ts';

export interface Ports {
  readonly plan: Plan;
  readonly mutation: Mutation | null;
  readonly processes: Processes;
  readonly state: SimStateTable;
  readonly store: SimObjectStore;
  readonly spills: SimSpills;
  readonly beacons: SimBeacons;
  readonly queue: ReturnType<typeof createSimQueue>;
  readonly slurm: () => SimSlurm;
  readonly handlers: ReturnType<typeof createSimHandlers>;
}

const PATIENCE_MS = { submit: 10 * 60_000, advance: 2 * 60_000, follow: 60_000, tick: 5_000 };
const FINALISER_WAIT_MS = 10 * 60_000;

const common = (ports: Ports, self: SimProcess) => {
  const host: Host = {
    processName: processNameOf(self),
    hostname: self.node.name,
    user: 'sim',
    mayBeAlive: (name) => {
      const [hostname, pid] = name.split(':');
      if (hostname !== self.node.name) return true;
      const other = ports.processes.all().find((one) => one.pid === Number(pid));
      return other !== undefined && isAlive(other);
    },
    cpuMs: () => 0,
    maxRssBytes: () => 0,
  };
  const random: Random = createSeededRandom(ports.plan.seed * 7_919 + self.pid);
  const ids: Ids = uniqueIds(ports.plan.seed, self);
  return {
    store: ports.store.portOf(self),
    state: ports.state.portOf(self),
    clock: ports.processes.clockOf(self),
    log: quietLog,
    version: 'sim',
    host,
    random,
    ids,
    ...diskPortsOf(ports.processes, ports.store, self),
  };
};

/** Ids of different processes must differ, and ULIDs of later processes must be greater. */
function uniqueIds(seed: number, self: SimProcess): Ids {
  const ids = createSeededIds(seed * 104_729 + self.pid);
  return {
    token: (length) => ids.token(length),
    ulid: () => `${self.pid.toString(8).padStart(6, '0')}${ids.ulid().slice(6)}`,
  };
}

export const aggregatorDeps = (ports: Ports, self: SimProcess): AggregatorDeps => {
  const { store, state, columnar, leafParts, scratch, resultFiles, log } = common(ports, self);
  const openResultFiles = () => Promise.resolve(resultFiles);
  const deps = { store, state, columnar, leafParts, scratch, resultFiles: openResultFiles, log, partsPerMerge: 4 };
  return ports.mutation?.alterAggregator?.(deps) ?? deps;
};

export function coordinatorDeps(ports: Ports, self: SimProcess): CoordinatorDeps {
  const { store, state, clock, log, version, host, random, ids } = common(ports, self);
  const deps: CoordinatorDeps = {
    store,
    state,
    clock,
    log,
    version,
    host,
    random,
    ids,
    queue: ports.queue.portOf(self),
    batch: ports.slurm().portOf(self),
    inputs: simInput(ports.processes, self, ports.plan),
    ledgers: {
      open: () => {
        throw new Error('simulated jobs have no id field');
      },
    },
    ownBatchJobId: self.batchJobId,
    planner: retryPlanner,
    aggregate: async ({ job, fenced }) => {
      const { publication, manifest } = await aggregate(aggregatorDeps(ports, self), { job, fenced });
      return { publication, succeeded: manifest.succeeded, failed: manifest.failed };
    },
    adoptSpilled: async (request) =>
      (await adoptSpills({ store, state, log, place: ports.spills.portOf(self).shared }, request)).steps,
    workerCommand: (assignment) => ['worker', JSON.stringify(assignment)],
    advanceCommand: (job) => ['advance', job],
    elementLogDir: () => Promise.resolve('/logs'),
  };
  return ports.mutation?.alterCoordinator?.(deps) ?? deps;
}

const nothing = (): void => undefined;
const quietLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => quietLog };

/** `slurmctl submit [--wait]`. */
export async function runSubmit(ports: Ports, self: SimProcess, onJob: (job: JobId) => void): Promise<number> {
  const deps = coordinatorDeps(ports, self);
  const { spec } = ports.plan;
  const wanted: NewJob = {
    spec,
    backends: {
      home: '/home',
      store: deps.store.rootUrl,
      state: deps.state.rootUrl,
      queue: deps.queue.rootUrl,
      scheduler: 'slurm',
    },
    jobText: 'name: sim\n',
    handlerSha256: null,
  };
  const { job } = await submitJob(deps, wanted, { patienceMs: PATIENCE_MS.submit, onJob });
  return ports.plan.waits ? follow(deps, job) : 0;
}

/** As src/app/follow-job.ts drives a job, without its documents. */
async function follow(deps: CoordinatorDeps, job: JobId): Promise<number> {
  const leaseWatch = createLeaseWatch();
  for (let pauseMs = 2_000; ; pauseMs = Math.min(pauseMs * 1.5, 30_000)) {
    try {
      await advanceJob(deps, { job, waitLeaseMs: 0, leaseWatch, patienceMs: PATIENCE_MS.follow });
      const meta = await readMeta(deps.state, job);
      if (meta === null || isFinalJobState(meta.state)) return 0;
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (!error.retryable && error.code !== 'JOB_BAD_STATE') return 1;
    }
    await deps.clock.sleep(pauseMs);
  }
}

const HELD_AGAIN_MS = 5_000;

/** `slurmctl tick`: a pass over every live job, hinted ones first, and long enough to outwait holders that died elsewhere. */
export async function runTick(ports: Ports, self: SimProcess): Promise<number> {
  const deps = coordinatorDeps(ports, self);
  const live: JobId[] = [];
  for await (const { sort, item } of deps.state.query('JOBS')) if (item['live'] === true) live.push(sort as JobId);
  const hints = await deps.queue.receive({ max: 100, visibilityMs: 60_000 });
  const watches = new Map<JobId, LeaseWatch>();
  const pass = async (job: JobId): Promise<void> => {
    const leaseWatch = watches.get(job) ?? createLeaseWatch();
    watches.delete(job);
    try {
      await advanceJob(deps, { job, waitLeaseMs: 0, leaseWatch, patienceMs: PATIENCE_MS.tick });
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (error.code === 'LEASE_HELD' && !leaseWatch.sawLife) watches.set(job, leaseWatch);
    }
  };
  for (const job of live) await pass(job);
  const sinceMs = deps.clock.monotonicMs();
  while (watches.size > 0 && deps.clock.monotonicMs() - sinceMs < LEASE_MS + 2 * HELD_AGAIN_MS) {
    await deps.clock.sleep(HELD_AGAIN_MS);
    // A copy, because a pass takes its job out and puts it back.
    for (const job of Array.from(watches.keys())) await pass(job);
  }
  await deps.queue.ack(hints.map((hint) => hint.receipt));
  return 0;
}

const ADVANCE_AGAIN_MS = 15_000;

/** `slurmctl advance JOB`, by a person or by the finaliser, which is patient. */
export async function runAdvance(ports: Ports, self: SimProcess, job: JobId): Promise<number> {
  const deps = coordinatorDeps(ports, self);
  const waitLeaseMs = self.kind === 'finaliser' ? FINALISER_WAIT_MS : 0;
  const untilMs = deps.clock.monotonicMs() + waitLeaseMs;
  for (;;) {
    try {
      await advanceJob(deps, { job, waitLeaseMs, patienceMs: PATIENCE_MS.advance });
      return 0;
    } catch (error) {
      if (!isAppError(error) || !error.retryable) throw error;
      if (deps.clock.monotonicMs() + ADVANCE_AGAIN_MS > untilMs) throw error;
      await deps.clock.sleep(ADVANCE_AGAIN_MS);
    }
  }
}

export async function runCancel(ports: Ports, self: SimProcess, job: JobId): Promise<number> {
  await cancelJob(coordinatorDeps(ports, self), job, 'the simulated user had enough');
  return 0;
}

/** `slurmctl aggregate JOB`, for what a cancelled job has. */
export async function runAggregate(ports: Ports, self: SimProcess, job: JobId): Promise<number> {
  await aggregate(aggregatorDeps(ports, self), { job });
  return 0;
}

/** An array element. */
export async function runWorker(
  ports: Ports,
  self: SimProcess,
  place: Omit<ElementInput, 'assignment' | 'node'> & { readonly assignment: string },
): Promise<number> {
  const { clock, host, random, store, state, scratch, resultFiles, leafParts, log, version } = common(ports, self);
  const deps = {
    store,
    state,
    clock,
    random,
    host,
    scratch,
    resultFiles,
    leafParts,
    handlers: ports.handlers.portOf(self),
    spills: ports.spills.portOf(self),
    beacon: ports.beacons.portOf(self),
    log,
    backoffMs,
    stop: self.stop.signal,
    version,
  };
  await runElement(ports.mutation?.alterWorker?.(deps) ?? deps, {
    ...place,
    assignment: JSON.parse(place.assignment) as WorkerAssignment,
    node: self.node.name,
  });
  return 0;
}
