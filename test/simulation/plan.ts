/** The plan of a seed: the shape of its job and of its cluster, and what will go wrong. Plain data, drawn before anything runs. */
import type { JobSpec } from '../../src/domain/job-spec.ts';
import type { Chance } from './core/chance.ts';
import type { ProcessKind } from './core/processes.ts';
import { CALM, type PortName, type Rates } from './core/weather.ts';
import { drawBehaviours, type ItemBehaviour } from './ports/handler.ts';
import { drawPauses, type PauseIncident } from './pausing.ts';
import { WITHOUT_RETRIES } from './mutations/caught-by.ts';
import { drawRetries, type RetryIncident } from './retrying.ts';
import type { QueueFaults } from './ports/retry-queue.ts';

/** Something that happens at a moment; whom it hits is chosen then. */
export type Incident = { readonly atMs: number } & (
  | { readonly kind: 'kill'; readonly of: readonly ProcessKind[] }
  | { readonly kind: 'stop'; readonly of: readonly ProcessKind[]; readonly forMs: number }
  | { readonly kind: 'node-dies'; readonly survives: boolean; readonly noticedMs: number; readonly forMs: number }
  | { readonly kind: 'preempt'; readonly graceMs: number; readonly requeues: boolean }
  | { readonly kind: 'requeue'; readonly survives: boolean; readonly stopped: boolean }
  | { readonly kind: 'oom' | 'scancel' | 'corrupt' | 'cancel-job' | 'advance' | 'two-ticks' }
  | { readonly kind: 'cut'; readonly ports: readonly PortName[]; readonly forMs: number }
  | { readonly kind: 'outage'; readonly port: PortName; readonly forMs: number }
  | { readonly kind: 'clock-step'; readonly byMs: number }
  | { readonly kind: 'disk-full' | 'broken-node' | 'all-nodes-broken'; readonly forMs: number }
  | Omit<PauseIncident, 'atMs'>
  | Omit<RetryIncident, 'atMs'>
);

export interface Plan {
  readonly seed: number;
  readonly special: Special;
  readonly spec: JobSpec;
  readonly items: number;
  readonly bad: ReadonlySet<number>;
  readonly behaviours: readonly ItemBehaviour[];
  readonly nodes: number;
  readonly slotsPerNode: number;
  readonly maxArraySize: number;
  readonly accountingLagMs: number;
  readonly submitLimited: number;
  readonly clockOffMs: number;
  readonly clockDrift: number;
  readonly localStore: boolean;
  readonly pageItems: number;
  readonly queue: QueueFaults;
  readonly rates: Readonly<Partial<Record<PortName, Rates>>>;
  /** Share of dead workers of which somebody reports what they were doing. */
  readonly reports: number;
  /** Share of processes of a kind that die at one of their first port calls. */
  readonly fatal: Readonly<Record<ProcessKind, number>>;
  /** The same for those that fall asleep there, and then hold on to what they saw. */
  readonly naps: Readonly<Record<ProcessKind, number>>;
  readonly incidents: readonly Incident[];
  /** `submit --wait`. */
  readonly waits: boolean;
  /** ms between ticks of cron before healing; null: there is no cron then. */
  readonly tickEveryMs: number | null;
  /** From here on nothing goes wrong any more. */
  readonly healAtMs: number;
}

/**
 * Some plans are about one thing. `calm`: nothing goes wrong but what the items do, so that there is no excuse for what is lost.
 * `common-trouble`: no node can run anything for a while, and many tasks fail alike. `crashes`: workers die everywhere, and those who say so are slow.
 */
export type Special = 'calm' | 'common-trouble' | 'crashes' | null;

const MINUTE = 60_000;
const DRIVERS: readonly ProcessKind[] = ['submit', 'tick', 'advance', 'finaliser'];
const ANYBODY: readonly ProcessKind[] = [...DRIVERS, 'worker'];

export function drawPlan(seed: number, chance: Chance): Plan {
  const shape = chance.fork('shape');
  const theme = shape.pick(THEMES);
  const special = drawSpecial(chance.fork('special'));
  const tasks = special === 'common-trouble' ? shape.whole(12, 16) : shape.whole(3, 12);
  const batchItems = special === 'common-trouble' ? 1 : shape.whole(1, 6);
  const items = tasks * batchItems - shape.whole(0, batchItems - 1);
  const healAtMs = shape.whole(8, 40) * MINUTE;
  const bad = shape.one(0.1) ? new Set([shape.whole(0, items - 1)]) : new Set<number>();
  const plan: Plan = {
    seed,
    special,
    spec: drawSpec(shape, batchItems, bad.size > 0),
    items,
    bad,
    behaviours: drawBehaviours(chance.fork('items'), items, {
      trouble: shape.pick([0, 0, 0.05, 0.2]),
      deadly: chance.fork('deadly').pick([0, 0, 0, 0.1, 0.3]),
      slow: theme !== 'none',
    }),
    nodes: theme === 'restarts' ? 2 : shape.whole(2, 4),
    slotsPerNode: theme === 'restarts' ? 1 : shape.whole(1, 3),
    maxArraySize: shape.pick([2, 3, 1_000, 1_000]),
    accountingLagMs: shape.pick([0, 5_000, 120_000, Infinity]),
    submitLimited: shape.pick([0, 0, 0.2]),
    clockOffMs: shape.pick([0, 1_000, 2 * MINUTE]),
    clockDrift: shape.pick([0, 0.0001, 0.01]),
    localStore: shape.one(0.5),
    pageItems: shape.pick([2, 5, 100]),
    queue: shape.pick([
      { lost: 0, doubled: 0 },
      { lost: 0.3, doubled: 0.3 },
      { lost: 1, doubled: 0 },
    ]),
    rates: drawRates(chance.fork('rates')),
    reports: chance.fork('reports').pick([0, 0.5, 1, 1]),
    fatal: drawShares(chance.fork('fatal'), {
      submit: 0.9,
      tick: 0.6,
      advance: 0.6,
      finaliser: 0.7,
      worker: 0.4,
      report: 0.3,
      cancel: 0.5,
      pause: 0.5,
      'pause-now': 0.5,
      resume: 0.5,
      retry: 0.5,
    }),
    naps: drawNaps(chance.fork('naps'), theme),
    incidents: [
      ...drawIncidents(chance.fork('incidents'), healAtMs, theme),
      ...drawPauses(chance.fork('pauses'), healAtMs),
      ...(WITHOUT_RETRIES.has(seed) ? [] : drawRetries(chance.fork('retries'), items, tasks)),
    ].toSorted((a, b) => a.atMs - b.atMs),
    waits: shape.one(0.3),
    tickEveryMs: shape.pick([null, 20_000, MINUTE, 5 * MINUTE]),
    healAtMs,
  };
  return specialPlan(withSleepyRetries(plan, chance.fork('sleepy retries')), chance.fork('special plan'));
}

/** Who retries and falls asleep over it is overtaken by whoever comes by next. */
function withSleepyRetries(plan: Plan, chance: Chance): Plan {
  if (!plan.incidents.some(({ kind }) => kind === 'retry-job') || !chance.one(0.3)) return plan;
  return { ...plan, naps: { ...plan.naps, retry: 0.8 }, tickEveryMs: 20_000 };
}

function drawSpecial(chance: Chance): Special {
  const drawn = chance.next();
  return drawn < 0.1 ? 'calm' : drawn < 0.18 ? 'common-trouble' : drawn < 0.26 ? 'crashes' : null;
}

function specialPlan(plan: Plan, chance: Chance): Plan {
  if (plan.special === null) return plan;
  if (plan.special === 'common-trouble') {
    const outage: Incident = { kind: 'all-nodes-broken', atMs: 0, forMs: chance.whole(1, 120) * MINUTE };
    return { ...plan, incidents: [outage, ...plan.incidents], healAtMs: plan.healAtMs + outage.forMs };
  }
  if (plan.special === 'crashes') {
    const requeues = Array.from({ length: chance.whole(5, 20) }, (): Incident => {
      const atMs = 10_000 + chance.next() * 5 * MINUTE;
      return { kind: 'requeue', atMs, survives: true, stopped: chance.one(0.3) };
    });
    return {
      ...plan,
      reports: 1,
      fatal: { ...plan.fatal, worker: 0.7 },
      naps: { ...plan.naps, report: 0.7 },
      incidents: [...plan.incidents, ...requeues].toSorted((a, b) => a.atMs - b.atMs),
    };
  }
  const none = Object.fromEntries(Object.keys(plan.fatal).map((kind) => [kind, 0])) as unknown as Plan['fatal'];
  const deadly = chance.pick([0, 0.1, 0.3]);
  return {
    ...plan,
    bad: new Set(),
    spec: {
      ...plan.spec,
      input: { ...plan.spec.input, onBadRecord: 'stop' } as JobSpec['input'],
      // With a single attempt a task is over when its first worker dies.
      retry: { ...plan.spec.retry, attempts: Math.max(2, plan.spec.retry.attempts) },
    },
    behaviours: drawBehaviours(chance.fork('items'), plan.items, { trouble: 0, deadly, slow: chance.one(0.5) }),
    // A retry is no trouble, and where there is none it runs exactly what it says.
    incidents: plan.incidents.filter((one) => one.kind === 'retry-job' && one.thenCancelMs === null),
    rates: {},
    fatal: none,
    naps: none,
    reports: 1,
  };
}

function drawSpec(chance: Chance, batchItems: number, hasBadRecords: boolean): JobSpec {
  const elements = chance.pick(['auto', 'auto', 'tasks', 2] as const);
  return {
    name: 'sim',
    baseDir: '/work-dir',
    input: {
      kind: 'file',
      path: '/work-dir/in.jsonl',
      format: 'jsonl',
      compression: 'none',
      onBadRecord: hasBadRecords ? 'fail-item' : 'stop',
    },
    batch: { items: batchItems, bytes: 1_000_000 },
    handler: {
      kind: 'module',
      path: '/work-dir/h.mjs',
      concurrency: chance.whole(1, 4),
      timeoutMs: chance.pick([30_000, 60_000]),
    },
    resources: { cpus: 1, memoryBytes: 1e9, timeMs: chance.pick([3, 10, 30]) * MINUTE },
    slurm: { elements, extra: [] },
    retry: {
      items: chance.whole(1, 3),
      attempts: chance.whole(1, 4),
      backoff: chance.pick([
        { baseMs: 1_000, maxMs: 10_000 },
        { baseMs: 10_000, maxMs: 120_000 },
        { baseMs: 120_000, maxMs: 900_000 },
      ]),
      tolerate: chance.pick([{}, { count: 3 }, { percent: 50 }]),
    },
    checkpoint: { everyMs: chance.pick([1_000, 5_000, 60_000]) },
    output: { mode: 'json' },
  };
}

const LEVELS = [0, 0, 0.01, 0.04, 0.15];

function drawRates(chance: Chance): Plan['rates'] {
  const rates: Partial<Record<PortName, Rates>> = {};
  for (const port of ['state', 'store', 'queue', 'batch'] as const) {
    const level = chance.pick(LEVELS);
    const share = (): number => (chance.one(0.6) ? (level * chance.next()) / 2 : 0);
    rates[port] =
      level === 0
        ? { ...CALM, slow: chance.pick([0, 0.05]) }
        : { refused: share(), lost: share(), dropped: share(), late: share(), twice: share(), slow: share() };
  }
  return rates;
}

/** Shares up to `most` for some kinds of processes; in many plans for none. */
function drawShares(chance: Chance, most: Omit<Plan['fatal'], 'aggregate'>): Plan['fatal'] {
  const none = chance.one(0.4);
  const share = (limit: number): number => (!none && chance.one(0.6) ? chance.next() * limit : 0);
  return {
    submit: share(most.submit),
    tick: share(most.tick),
    advance: share(most.advance),
    finaliser: share(most.finaliser),
    worker: share(most.worker),
    report: 0,
    cancel: share(most.cancel),
    pause: share(most.pause),
    'pause-now': share(most['pause-now']),
    resume: share(most.resume),
    retry: share(most.retry),
    aggregate: 0,
  };
}

/** Who sleeps matters most where many look at the same tasks. */
function drawNaps(chance: Chance, theme: Theme): Plan['naps'] {
  const drawn = drawShares(chance, {
    submit: 0.5,
    tick: 0.6,
    advance: 0.6,
    finaliser: 0.6,
    worker: 0.4,
    report: 0.3,
    cancel: 0.3,
    pause: 0.5,
    'pause-now': 0.3,
    resume: 0.3,
    retry: 0.4,
  });
  return theme === 'crowd' || theme === 'rot' ? { ...drawn, tick: 0.5, advance: 0.5 } : drawn;
}

/** A plan has some kinds of incidents, not all of them: faults that hide each other would never meet alone. */
function drawIncidents(chance: Chance, untilMs: number, theme: Theme): Incident[] {
  const kinds = chance.shuffled(INCIDENTS).slice(0, chance.whole(0, 6));
  const incidents = kinds.flatMap(({ most, draw }) =>
    Array.from({ length: chance.whole(1, most) }, (): Incident => {
      // Most jobs live for some minutes only, unless something goes wrong.
      const atMs = chance.next() * chance.pick([MINUTE, MINUTE, 2 * MINUTE, 5 * MINUTE, untilMs]);
      return { atMs, ...draw(chance) } as Incident;
    }),
  );
  return [...incidents, ...drawTheme(chance, theme)].toSorted((a, b) => a.atMs - b.atMs);
}

/** Some faults have to come in numbers, or together, before they show anything. */
type Theme = 'none' | 'restarts' | 'zombies' | 'crowd' | 'rot';
const THEMES: readonly Theme[] = [
  'none',
  'none',
  'none',
  'restarts',
  'zombies',
  'zombies',
  'crowd',
  'crowd',
  'rot',
  'rot',
];

function drawTheme(chance: Chance, theme: Theme): Incident[] {
  const series = (count: number, untilMs: number, draw: () => WithoutTime<Incident>): Incident[] =>
    Array.from({ length: count }, () => ({ atMs: 5_000 + chance.next() * untilMs, ...draw() }) as Incident);
  switch (theme) {
    case 'none':
      return [];
    case 'restarts':
      return series(chance.whole(300, 800), 20 * MINUTE, () => ({
        kind: 'preempt',
        graceMs: chance.pick([0, 0, 0, 30_000]),
        requeues: true,
      }));
    case 'zombies':
      return series(chance.whole(5, 20), chance.pick([1, 4]) * MINUTE, () => ({
        kind: 'requeue',
        survives: true,
        stopped: chance.one(0.5),
      }));
    case 'crowd':
      return [
        ...series(chance.whole(10, 30), 6 * MINUTE, () => ({ kind: chance.pick(['two-ticks', 'advance'] as const) })),
        ...series(chance.whole(4, 12), 3 * MINUTE, () =>
          chance.pick([
            { kind: 'preempt', graceMs: 30_000, requeues: false },
            { kind: 'preempt', graceMs: 30_000, requeues: false },
            { kind: 'requeue', survives: true, stopped: true },
            { kind: 'requeue', survives: true, stopped: true },
            { kind: 'oom' },
          ] as const),
        ),
      ];
    case 'rot':
      return [
        ...series(chance.whole(2, 6), MINUTE, () => ({ kind: 'requeue', survives: true, stopped: true })),
        ...series(chance.whole(5, 15), 3 * MINUTE, () => ({ kind: 'corrupt' })),
        ...series(chance.whole(5, 20), 8 * MINUTE, () => ({ kind: 'advance' })),
      ];
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never;

const INCIDENTS: readonly { readonly most: number; readonly draw: (chance: Chance) => WithoutTime<Incident> }[] = [
  { most: 6, draw: (chance) => ({ kind: 'kill', of: chance.pick([ANYBODY, DRIVERS, ['worker']] as const) }) },
  {
    most: 6,
    draw: (chance) => ({
      kind: 'stop',
      of: chance.pick([ANYBODY, DRIVERS, ['worker']] as const),
      forMs: chance.pick([chance.between(1_000, 60_000), chance.between(60_000, 900_000)]),
    }),
  },
  {
    most: 3,
    draw: (chance) => ({
      kind: 'node-dies',
      survives: chance.one(0.5),
      noticedMs: chance.pick([1_000, 60_000, 300_000]),
      forMs: chance.between(60_000, 900_000),
    }),
  },
  { most: 6, draw: (chance) => ({ kind: 'preempt', graceMs: chance.pick([0, 0, 30_000]), requeues: chance.one(0.7) }) },
  { most: 8, draw: (chance) => ({ kind: 'requeue', survives: chance.one(0.7), stopped: chance.one(0.5) }) },
  { most: 2, draw: () => ({ kind: 'oom' }) },
  { most: 2, draw: () => ({ kind: 'scancel' }) },
  {
    most: 3,
    draw: (chance) => ({
      kind: 'cut',
      ports: chance.pick([['state'], ['store'], ['state', 'store'], ['batch']] as const),
      forMs: chance.between(5_000, 600_000),
    }),
  },
  {
    most: 3,
    draw: (chance) => ({
      kind: 'outage',
      port: chance.pick(['state', 'store', 'queue', 'batch'] as const),
      forMs: chance.between(5_000, 300_000),
    }),
  },
  { most: 3, draw: (chance) => ({ kind: 'clock-step', byMs: Math.round(chance.between(-600_000, 600_000)) }) },
  { most: 2, draw: (chance) => ({ kind: 'disk-full', forMs: chance.between(5_000, 300_000) }) },
  { most: 2, draw: (chance) => ({ kind: 'broken-node', forMs: chance.between(30_000, 600_000) }) },
  { most: 2, draw: () => ({ kind: 'corrupt' }) },
  { most: 4, draw: () => ({ kind: 'advance' }) },
  { most: 4, draw: () => ({ kind: 'two-ticks' }) },
  { most: 1, draw: () => ({ kind: 'cancel-job' }) },
];
