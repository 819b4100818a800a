/** One seed from its plan to its verdict. */
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { partKey, doneKey, resultsKey } from '../../src/domain/keys.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import { startReport } from './crash-report.ts';
import { createChance, type Chance } from './core/chance.ts';
import { createNode, createSimClock, type SimNode } from './core/nodes.ts';
import { createProcesses, isAlive, type ProcessKind, type Processes, type SimProcess } from './core/processes.ts';
import { forbidRealTime } from './core/real-time-trap.ts';
import { createTrace, type Trace } from './core/trace.ts';
import { createVirtualTime, type VirtualTime } from './core/virtual-time.ts';
import { createWeather, type Weather } from './core/weather.ts';
import { checkEnd } from './invariants/final-checks.ts';
import { parsePartition, type Invariant, type Violation, type Watched } from './invariants/report.ts';
import type { DecisionContext } from './invariants/watch-decisions.ts';
import { createJobWatch } from './invariants/watch-jobs.ts';
import { createSpillWatch } from './invariants/watch-spills.ts';
import { createStoreWatch, type PublishedTasks } from './invariants/watch-store.ts';
import { createTaskWatch } from './invariants/watch-tasks.ts';
import type { Mutation } from './mutations/mutation.ts';
import { drawPlan, type Incident, type Plan } from './plan.ts';
import { createSimBeacons } from './ports/beacon.ts';
import { createSimSlurm, type SimElement, type SimSlurm } from './ports/batch-system.ts';
import { createSimHandlers } from './ports/handler.ts';
import { createSimObjectStore } from './ports/object-store.ts';
import { createSimQueue } from './ports/retry-queue.ts';
import { createSimSpills } from './ports/spills.ts';
import { createSimStateTable, type StateEvent } from './ports/state-table.ts';
import { pauseForAWhile, runPause, runResume } from './pausing.ts';
import { retrySomeTime, runRetry, type Wish } from './retrying.ts';
import {
  aggregatorDeps,
  coordinatorDeps,
  runAdvance,
  runAggregate,
  runCancel,
  runSubmit,
  runTick,
  runWorker,
  type Ports,
} from './programs.ts';

export interface SeedResult {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly trace: Trace;
  /** Virtual ms until everything had come to rest. */
  readonly tookMs: number;
  readonly events: number;
  /** For the summary: how the jobs ended, and how much went on. */
  readonly states: readonly string[];
  readonly counts: Readonly<
    Record<'processes' | 'attempts' | 'runs' | 'waves' | 'reopened' | 'retried' | 'kept' | 'adopted', number>
  >;
}

/** After healing everything must have come to rest within this. */
const MUST_END_MS = 8 * 3_600_000;
const TICK_AFTER_HEALING_MS = 5 * 60_000;
const MOST_VIOLATIONS = 5;
/** A seed that makes more than this goes round in circles. */
const MOST_EVENTS = 100_000;

export interface SeedOptions {
  readonly mutation?: Mutation;
  /** Instead of the one that the seed draws. */
  readonly plan?: Plan;
  /** So many people submit, one after the other; default 1. */
  readonly submits?: number;
  /** Told of every change of a task. */
  readonly onTask?: (before: TaskItem | null, after: TaskItem | null, atMs: number) => void;
}

/** Runs a seed to its end, or to its first violations. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const world = createWorld(seed, options);
  const allow = forbidRealTime((what) => world.violate('real-time', `${what} was called`));
  try {
    world.begin();
    const { plan, time } = world;
    const isOver = (): boolean => {
      if (time.count() > MOST_EVENTS) world.violate('liveness', `more than ${MOST_EVENTS} events`);
      return world.violations.length > 0 || world.isAtRest();
    };
    await time.run(plan.healAtMs, isOver);
    if (!isOver()) {
      world.heal();
      await time.run(plan.healAtMs + MUST_END_MS, isOver);
    }
    if (world.violations.length === 0) world.checkEnd();
  } finally {
    allow();
  }
  return world.result();
}

/** Incidents by which a worker may die in the middle of an item. */
const ENDS_WORKERS: readonly Incident['kind'][] = [
  'kill',
  'stop',
  'node-dies',
  'preempt',
  'requeue',
  'oom',
  'scancel',
  'cancel-job',
  'pause-job',
];

const cancels = (incident: Incident): boolean => incident.kind === 'retry-job' && incident.thenCancelMs !== null;

interface World {
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly violations: readonly Violation[];
  violate(invariant: Invariant, message: string): void;
  begin(): void;
  heal(): void;
  isAtRest(): boolean;
  checkEnd(): void;
  result(): SeedResult;
}

interface Cast {
  readonly plan: Plan;
  readonly chance: Chance;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly weather: Weather;
  readonly nodes: readonly SimNode[];
  readonly login: SimNode;
  readonly processes: Processes;
  readonly ports: Ports;
  readonly slurm: SimSlurm;
  readonly jobs: () => JobId[];
  readonly metaOf: (job: JobId) => JobMeta | null;
  readonly spawn: (kind: ProcessKind, job?: JobId) => SimProcess;
  isHealed: boolean;
}

function createWorld(seed: number, options: SeedOptions): World {
  const mutation = options.mutation ?? null;
  const chance = createChance(seed);
  const plan = options.plan ?? drawPlan(seed, chance);
  const violations: Violation[] = [];
  const time = createVirtualTime();
  const trace = createTrace(() => time.nowMs());
  const violate = (invariant: Invariant, message: string): void => {
    if (violations.length >= MOST_VIOLATIONS) return;
    violations.push({ invariant, atMs: time.nowMs(), message });
    trace.add('INVARIANT', `${invariant}: ${message}`);
  };
  const weather = createWeather(chance.fork('weather'), plan.rates);
  const nodeChance = chance.fork('nodes');
  const node = (name: string): SimNode =>
    createNode(name, createSimClock(nodeChance, plan.clockOffMs, plan.clockDrift));
  const login = node('login');
  const nodes = Array.from({ length: plan.nodes }, (_, number) => node(`n${number + 1}`));
  const fatal = chance.fork('fatal-calls');
  const naps = chance.fork('nap-calls');
  let healed = false;
  const processes = createProcesses({
    time,
    chance: chance.fork('processes'),
    trace,
    weather,
    onBug: (process, error) =>
      violate('bug', `${process.name} ended with ${error instanceof Error ? error.stack : String(error)}`),
    fatalCall: ({ kind }) =>
      !healed && fatal.one(plan.fatal[kind])
        ? { call: fatal.whole(1, kind === 'submit' ? 80 : 50), sent: fatal.one(0.5) }
        : null,
    napCall({ kind }) {
      if (healed || !naps.one(plan.naps[kind])) return null;
      const forMs = naps.pick([naps.between(5_000, 60_000), naps.between(60_000, 600_000)]);
      // Half of them right where they look at a task or change it.
      return naps.one(0.5)
        ? { of: '', call: naps.whole(1, kind === 'submit' ? 80 : 50), forMs }
        : { of: '#T#', call: naps.whole(1, 5), forMs };
    },
  });
  const slurmBox: { slurm?: SimSlurm } = {};
  const slurmOf = (): SimSlurm => slurmBox.slurm as SimSlurm;
  const wasSubmitted = (job: string): boolean =>
    slurmOf().submissions.some(({ request }) => request.name.startsWith(`${job}.`));

  const store = createSimObjectStore({
    processes,
    isLocal: plan.localStore,
    watch: (event) => storeWatch(event),
  });
  const state = createSimStateTable({
    processes,
    pageItems: plan.pageItems,
    watch(event) {
      dispatch(event, { jobWatch, taskWatch });
      if (parsePartition(event.key.partition)?.kind === 'tasks')
        options.onTask?.(event.before as TaskItem | null, event.after as TaskItem | null, time.nowMs());
      if (event.before?.['state'] !== 'RUNNING' && event.after?.['state'] === 'RUNNING') checkTurns();
    },
    ...(mutation?.rewrite === undefined ? {} : { rewrite: mutation.rewrite }),
    ...(mutation?.createsReplace === undefined ? {} : { createsReplace: mutation.createsReplace }),
  });
  /** Elements of no more jobs than their group allows are at work. Whoever only starts to find out that its job is over is not. */
  const checkTurns = (): void => {
    const { concurrency } = plan.spec;
    if (concurrency === undefined) return;
    const owners = new Map<string, string>();
    for (const partition of state.partitions())
      if (parsePartition(partition)?.kind === 'tasks')
        for (const { item } of state.peekAll(partition)) {
          const { state: is, owner } = item as unknown as TaskItem;
          if (is === 'RUNNING' && owner !== undefined) owners.set(owner, parsePartition(partition)?.job ?? '');
        }
    const working = new Set(
      slurmOf()
        .running()
        .flatMap(({ submission, index, restarts }) => owners.get(`${submission.id}_${index}.${restarts}`) ?? []),
    );
    if (working.size > (concurrency.max ?? 1)) violate('turns', `${[...working].join(' and ')} work at the same time`);
  };
  const spills = createSimSpills(processes, createSpillWatch({ state, violate }));
  const handlers = createSimHandlers({
    processes,
    time,
    behaviours: plan.behaviours,
    onRun: (process, run) => taskWatch.onRun(process, run),
    onDeadly: (process, behaviour) => {
      if (behaviour.kind === 'poison') return processes.kill(process, 'a poison item');
      const element = slurmOf()
        .running()
        .find((one) => one.process === process);
      const asked = element?.submission.request.resources.memoryBytes ?? Infinity;
      if (element !== undefined && asked < (behaviour.needsBytes ?? 0)) slurmOf().runOutOfMemory(element);
    },
  });
  const published: PublishedTasks = new Map();
  const watched: Watched = { time, spec: plan.spec, violate, state, store, runs: handlers.runs };
  const storeWatch = createStoreWatch(watched, wasSubmitted, published);
  const jobWatch = createJobWatch(watched, () => slurmOf().submissions);
  const facts: DecisionContext = {
    ...watched,
    diedOfInfra: (attempt) => slurmOf().infraDeaths.has(attempt),
    resourcesOf: (attempt) => {
      const [, id, index] = /^(.+)_(\d+)\.\d+$/.exec(attempt) ?? [];
      const submission = slurmOf().submissions.find((one) => one.id === id);
      return submission?.elements[Number(index)]?.submission.request.resources;
    },
    isDead: (attempt) =>
      processes.all().some((one) => one.kind === 'worker' && one.attempt === attempt && one.state === 'dead'),
  };
  const taskWatch = createTaskWatch(facts, wasSubmitted, spills.kept);
  const queue = createSimQueue({ processes, time, chance: chance.fork('queue'), faults: plan.queue });
  const beacons = createSimBeacons();
  const reports = chance.fork('crash reports');
  const ports: Ports = { plan, mutation, processes, state, store, spills, beacons, queue, slurm: slurmOf, handlers };
  const slurm = createSimSlurm({
    time,
    chance: chance.fork('slurm'),
    trace,
    processes,
    nodes,
    slotsPerNode: plan.slotsPerNode,
    maxArraySize: plan.maxArraySize,
    accountingLagMs: plan.accountingLagMs,
    limited: plan.submitLimited,
    onSubmit: (process, request) => jobWatch.onSubmit(process, request),
    launch: (element, endsAtMs) => launch(ports, element, endsAtMs),
    afterCrash: (_element, process) =>
      reports.one(plan.reports)
        ? startReport(ports, process, reports.between(100, reports.one(0.3) ? 14_000 : 1_000))
        : null,
    ...(mutation?.isBlind === undefined ? {} : { isBlind: mutation.isBlind }),
  });
  slurmBox.slurm = slurm;

  const cast: Cast = {
    plan,
    chance: chance.fork('incidents at work'),
    time,
    trace,
    weather,
    nodes,
    login,
    processes,
    ports,
    slurm,
    isHealed: false,
    jobs: () => state.peekAll('JOBS').map(({ sort }) => sort as JobId),
    metaOf: (job) => state.peek({ partition: `J#${job}`, sort: 'META' }) as unknown as JobMeta | null,
    spawn: (kind, job) => spawnCommand(cast, kind, job),
  };
  const isSettled = (job: JobId): boolean => {
    const meta = cast.metaOf(job);
    const isListed = state.peek({ partition: 'JOBS', sort: job })?.['live'] === true;
    return meta === null
      ? !isListed || store.peek(`jobs/${job}/request.json`) === null
      : isFinalJobState(meta.state) && !isListed;
  };
  const hasJob = (): boolean => cast.jobs().some((job) => cast.metaOf(job) !== null);

  return {
    plan,
    time,
    violations,
    violate,
    begin: () => begin(cast, hasJob, options.submits ?? 1),
    heal() {
      healed = true;
      heal(cast);
    },
    isAtRest: () =>
      healed &&
      hasJob() &&
      cast.jobs().every(isSettled) &&
      slurm.live().length === 0 &&
      !processes.all().some((process) => isAlive(process)),
    checkEnd() {
      const jobs = cast.jobs();
      if (!hasJob()) violate('liveness', 'there is no job at the end');
      for (const process of processes.all())
        if (isAlive(process)) violate('liveness', `${process.name} has not ended (${process.state})`);
      const incidents = plan.incidents.length + processes.all().filter(({ state: end }) => end === 'dead').length;
      const mayBeStopped =
        plan.naps.worker > 0 || plan.incidents.some(({ kind }) => kind === 'stop' || kind === 'requeue');
      const onlyItemsKill =
        plan.fatal.worker === 0 &&
        plan.incidents.every((incident) => !ENDS_WORKERS.includes(incident.kind) && !cancels(incident));
      for (const job of jobs)
        checkEnd(
          {
            ...facts,
            slurm,
            behaviours: plan.behaviours,
            bad: plan.bad,
            incidents,
            mayBeStopped,
            onlyItemsKill,
            isCalm: plan.special === 'calm',
            published,
          },
          job,
        );
    },
    result: () => ({
      seed,
      plan,
      violations,
      trace,
      tookMs: time.nowMs(),
      events: time.count(),
      states: cast.jobs().map((job) => cast.metaOf(job)?.state ?? 'none'),
      counts: { ...countsOf(cast), kept: spills.kept.size, adopted: taskWatch.adopted() },
    }),
  };
}

function dispatch(
  event: StateEvent,
  watches: {
    readonly jobWatch: ReturnType<typeof createJobWatch>;
    readonly taskWatch: ReturnType<typeof createTaskWatch>;
  },
): void {
  const place = parsePartition(event.key.partition);
  if (place?.kind === 'tasks') watches.taskWatch.onWrite(event, place.job);
  else if (place?.kind === 'job') watches.jobWatch.onWrite(event, place.job);
  else if (place?.kind === 'lock') watches.jobWatch.onLock(event);
}

function countsOf({ processes, ports, jobs, metaOf }: Cast): Omit<SeedResult['counts'], 'kept' | 'adopted'> {
  const tasks = ports.state
    .partitions()
    .filter((one) => parsePartition(one)?.kind === 'tasks')
    .flatMap((one) => ports.state.peekAll(one))
    .map(({ item }) => item as unknown as TaskItem);
  return {
    processes: processes.all().length,
    attempts: tasks.reduce((sum, task) => sum + task.attempts, 0),
    runs: ports.handlers.runs.length,
    waves: Math.max(0, ...jobs().map((job) => (metaOf(job)?.wave ?? -1) + 1)),
    reopened: tasks.filter((task) => (task.corruptions ?? 0) > 0).length,
    retried: tasks.filter((task) => task.redo === true).length,
  };
}

/** A job of the batch system becomes a process. */
function launch(ports: Ports, element: SimElement, endsAtMs: number): SimProcess {
  const { submission, index, restarts } = element;
  const [program, argument] = submission.request.command as [string, string];
  const node = element.node as SimNode;
  if (program === 'advance')
    return ports.processes.spawn(
      { name: `finaliser ${submission.id}`, kind: 'finaliser', node, batchJobId: submission.id },
      (self) => runAdvance(ports, self, argument as JobId),
    );
  const attempt = `${submission.id}_${index}.${restarts}`;
  return ports.processes.spawn({ name: attempt, kind: 'worker', node, attempt, batchJobId: submission.id }, (self) =>
    runWorker(ports, self, { assignment: argument, batchJobId: submission.id, index, restarts, endsAtMs }),
  );
}

function spawnCommand({ processes, ports, login }: Cast, kind: ProcessKind, job?: JobId): SimProcess {
  const number = processes.all().filter((one) => one.kind === kind).length + 1;
  const name = `${kind} ${number}`;
  return processes.spawn({ name, kind, node: login }, (self) => {
    if (kind === 'submit') return runSubmit(ports, self, () => undefined);
    if (kind === 'tick') return runTick(ports, self);
    if (kind === 'pause' || kind === 'pause-now')
      return runPause(coordinatorDeps(ports, self), job as JobId, kind === 'pause-now');
    if (kind === 'resume') return runResume(coordinatorDeps(ports, self), job as JobId);
    if (kind === 'cancel') return runCancel(ports, self, job as JobId);
    if (kind === 'aggregate') return runAggregate(ports, self, job as JobId);
    return runAdvance(ports, self, job as JobId);
  });
}

function spawnRetry({ processes, ports, login }: Cast, job: JobId, wish: Wish): SimProcess {
  const number = processes.all().filter(({ kind }) => kind === 'retry').length + 1;
  return processes.spawn({ name: `retry ${number}`, kind: 'retry', node: login }, (self) =>
    runRetry(coordinatorDeps(ports, self), aggregatorDeps(ports, self), job, wish),
  );
}

function begin(cast: Cast, hasJob: () => boolean, submits: number): void {
  const { plan, time } = cast;
  // A person whose submit failed or vanished looks whether the job is there, and submits again if not.
  const submit = (): void => {
    const process = cast.spawn('submit');
    process.onEnd.push(() => {
      const look = (): void => {
        if (!hasJob()) submit();
        // What was left of a submit that failed may vanish only later.
        else if (!cast.isHealed) time.after(5 * 60_000, true, look);
      };
      time.after(cast.chance.between(20_000, 120_000), true, look);
    });
  };
  submit();
  for (let more = 1; more < submits; more += 1)
    time.after(cast.chance.between(0, 120_000), true, () => void cast.spawn('submit'));
  const tick = (): void => {
    const everyMs = cast.isHealed ? TICK_AFTER_HEALING_MS : plan.tickEveryMs;
    if (everyMs === null) return;
    time.after(everyMs, true, () => {
      const isQuiet =
        hasJob() &&
        cast.jobs().every((job) => cast.ports.state.peek({ partition: 'JOBS', sort: job })?.['live'] === false);
      if (!isQuiet) cast.spawn('tick');
      if (!cast.isHealed) tick();
    });
  };
  tick();
  for (const incident of plan.incidents) time.after(incident.atMs, true, () => happen(cast, incident));
}

function heal(cast: Cast): void {
  const { time, trace, weather, slurm, nodes, login, processes } = cast;
  trace.add('world', 'HEALED: nothing goes wrong from here on');
  cast.isHealed = true;
  weather.heal();
  slurm.heal();
  for (const node of [...nodes, login]) {
    node.cut.clear();
    node.diskFull = false;
    node.broken = false;
  }
  for (const process of processes.all()) {
    process.fatal = null;
    process.nap = null;
    processes.resume(process);
  }
  const tick = (): void => {
    const isQuiet = cast
      .jobs()
      .every((job) => cast.ports.state.peek({ partition: 'JOBS', sort: job })?.['live'] === false);
    if (!isQuiet) cast.spawn('tick');
    time.after(TICK_AFTER_HEALING_MS, true, tick);
  };
  time.after(1_000, true, tick);
}

/** Lets an incident hit somebody, if there is anybody to hit. */
function happen(cast: Cast, incident: Incident): void {
  const { chance, time, trace, processes, slurm, nodes, login, weather } = cast;
  if (cast.isHealed) return;
  const anyOf = <T>(values: readonly T[], fn: (value: T) => void): void => {
    if (values.length > 0) fn(chance.pick(values));
  };
  const alive = (of: readonly ProcessKind[]): SimProcess[] =>
    processes.all().filter((process) => isAlive(process) && of.includes(process.kind));
  const workers = slurm.running().filter(({ process }) => process?.kind === 'worker');
  const host = chance.pick([...nodes, ...(chance.one(0.3) ? [login] : [])]);
  const until = (forMs: number, undo: () => void): void => void time.after(forMs, true, undo);
  trace.add('world', `INCIDENT ${JSON.stringify(incident)}`);
  switch (incident.kind) {
    case 'kill':
      return anyOf(alive(incident.of), (process) => processes.kill(process, 'kill -9'));
    case 'stop':
      return anyOf(alive(incident.of), (process) => {
        processes.stop(process, `for ${Math.round(incident.forMs / 1_000)} s`);
        until(incident.forMs, () => processes.resume(process));
      });
    case 'node-dies': {
      slurm.nodeDies(host === login ? (nodes[0] as SimNode) : host, incident);
      const node = host === login ? (nodes[0] as SimNode) : host;
      return until(incident.forMs, () => slurm.nodeReturns(node));
    }
    case 'preempt':
      return anyOf(slurm.running(), (element) => slurm.preempt(element, incident.graceMs, incident.requeues));
    case 'requeue':
      // Also while somebody says that the worker has died.
      return anyOf(slurm.running().filter(isElement), (element) => {
        const { process } = element;
        slurm.requeue(element, incident.survives);
        if (process === null || !incident.survives) return;
        // Its node comes round to ending it some time later.
        if (chance.one(0.5)) until(chance.between(1_000, 60_000), () => slurm.terminate(process));
        if (!incident.stopped) return;
        processes.stop(process, 'it has been requeued and hangs');
        until(chance.between(5_000, 600_000), () => processes.resume(process));
      });
    case 'oom':
      return anyOf(workers, (element) => slurm.runOutOfMemory(element));
    case 'scancel':
      return anyOf(workers, (element) => slurm.cancelElement(element));
    case 'cut':
      for (const port of incident.ports) host.cut.add(port);
      return until(incident.forMs, () => {
        for (const port of incident.ports) host.cut.delete(port);
      });
    case 'outage':
      weather.breakDown(incident.port);
      return until(incident.forMs, () => weather.mend(incident.port));
    case 'clock-step':
      host.clock.step(incident.byMs);
      return until(chance.between(60_000, 600_000), () => host.clock.step(-incident.byMs));
    case 'disk-full':
      host.diskFull = true;
      return until(incident.forMs, () => {
        host.diskFull = false;
      });
    case 'broken-node':
      host.broken = true;
      return until(incident.forMs, () => {
        host.broken = false;
      });
    case 'all-nodes-broken':
      for (const one of nodes) one.broken = true;
      return until(incident.forMs, () => {
        for (const one of nodes) one.broken = false;
      });
    case 'corrupt':
      return corruptOne(cast);
    case 'cancel-job':
      return anyOf(cast.jobs(), (job) => {
        cast.spawn('cancel', job);
        until(chance.between(60_000, 300_000), () => void cast.spawn('aggregate', job));
      });
    case 'pause-job':
      return anyOf(cast.jobs(), (job) => pauseForAWhile(cast, job, incident));
    case 'retry-job':
      return anyOf(cast.jobs(), (job) => retrySomeTime(retryPeople(cast), job, incident));
    case 'advance':
      return anyOf(cast.jobs(), (job) => void cast.spawn('advance', job));
    case 'two-ticks':
      cast.spawn('tick');
      cast.spawn('tick');
  }
}

const retryPeople = (cast: Cast): Parameters<typeof retrySomeTime>[0] => ({
  time: cast.time,
  isOver: () => cast.isHealed,
  metaOf: cast.metaOf,
  retry: (job, wish) => spawnRetry(cast, job, wish),
  cancel: (job) => void cast.spawn('cancel', job),
});

const isElement = ({ process }: SimElement): boolean => process?.kind === 'worker' || process?.kind === 'report';

/** Damages a file of a winner that nobody has read yet. */
function corruptOne({ ports, chance, trace }: Cast): void {
  const winners = ports.state
    .partitions()
    .map((partition) => ({ partition, place: parsePartition(partition) }))
    .filter(({ place }) => place?.kind === 'tasks')
    .flatMap(({ partition, place }) =>
      ports.state.peekAll(partition).map(({ sort, item }) => ({
        job: place?.job as JobId,
        task: sort as TaskId,
        item: item as unknown as TaskItem,
      })),
    )
    .filter(({ job, item }) => item.win !== undefined && ports.store.peek(`jobs/${job}/final.json`) === null);
  if (winners.length === 0) return;
  const { job, task, item } = chance.pick(winners);
  const attempt = item.win?.attempt as NonNullable<TaskItem['win']>['attempt'];
  const key = chance.pick([partKey, resultsKey, doneKey])(job, task, attempt);
  if (ports.store.corrupt(key)) trace.add('world', `DAMAGED ${key}`);
}
