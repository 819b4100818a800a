/** What goes wrong in a chaos run, and when: drawn from a seed before anything starts. Whom a fault hits is chosen when it happens. */
import { createSeededRandom } from './seeded-random.ts';

export type FaultKind =
  | 'kill-worker'
  | 'kill-node'
  | 'restart-controller'
  | 'requeue'
  | 'preempt'
  | 'scancel'
  | 'kill-advance'
  | 'freeze';

export interface Fault {
  /** ms after the first worker was seen. */
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Uniform in [0, 1): chooses among those who can be hit. */
  readonly pick: number;
  /** How long a node or the controller is away, or a process stopped; how long `advance` may go on before it is killed. */
  readonly forMs: number;
}

export interface ChaosOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly items: number;
  /** How long faults happen. */
  readonly chaosMs: number;
  /** Items that kill the worker that runs them. */
  readonly poison: number;
}

export interface ChaosPlan extends Omit<ChaosOptions, 'poison'> {
  /** Their numbers, ascending, at most one in a task. */
  readonly poison: readonly number[];
  readonly cpusPerNode: number;
  readonly concurrency: number;
  /** What an item takes, so that an undisturbed job would last about as long as the faults. */
  readonly itemMs: number;
  readonly faults: readonly Fault[];
}

/** A node has one partition of low priority; they differ in what preemption does to their jobs. */
export const NODES = [
  { name: 'n1', partition: 'requeued', mode: 'REQUEUE', graceSec: 0 },
  { name: 'n2', partition: 'requeuedlate', mode: 'REQUEUE', graceSec: 5 },
  { name: 'n3', partition: 'cancelled', mode: 'CANCEL', graceSec: 0 },
  { name: 'n4', partition: 'cancelledlate', mode: 'CANCEL', graceSec: 5 },
] as const;

/** The first node to die does so early and stays away until Slurm has noticed. */
const FIRST_DEATH = { before: 0.25, forMs: 40_000 };

/** Faults a minute, and how long they last. Each kind comes at least once. */
const MENU: Readonly<Record<FaultKind, { readonly aMinute: number; readonly forMs: readonly [number, number] }>> = {
  'kill-worker': { aMinute: 5, forMs: [0, 0] },
  // Slurm notices after 10 to 30 s, or, of a node that is back before that, up to a minute later.
  'kill-node': { aMinute: 1, forMs: [3_000, 50_000] },
  'restart-controller': { aMinute: 0.4, forMs: [1_000, 6_000] },
  requeue: { aMinute: 2, forMs: [0, 0] },
  preempt: { aMinute: 1.5, forMs: [0, 0] },
  scancel: { aMinute: 2, forMs: [0, 0] },
  'kill-advance': { aMinute: 4, forMs: [30, 600] },
  freeze: { aMinute: 1.5, forMs: [1_000, 8_000] },
};

export function drawChaos(options: ChaosOptions): ChaosPlan {
  const { seed, items, chaosMs } = options;
  const random = createSeededRandom(seed);
  const cpusPerNode = 3;
  const concurrency = 4;
  const faults = (Object.keys(MENU) as FaultKind[]).flatMap((kind) => {
    const { aMinute, forMs } = MENU[kind];
    const count = Math.max(1, Math.round((aMinute * chaosMs) / 60_000));
    return Array.from({ length: count }, (_unused, at): Fault => {
      const first = kind === 'kill-node' && at === 0;
      return {
        kind,
        atMs: Math.round(random.next() * chaosMs * (first ? FIRST_DEATH.before : 1)),
        pick: random.next(),
        forMs: first ? FIRST_DEATH.forMs : Math.round(forMs[0] + random.next() * (forMs[1] - forMs[0])),
      };
    });
  });
  return {
    ...options,
    poison: drawPoison(options),
    cpusPerNode,
    concurrency,
    itemMs: Math.max(20, Math.round((0.8 * chaosMs * NODES.length * cpusPerNode * concurrency) / items)),
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** From numbers of its own, so that the faults of a seed are the same with and without. */
function drawPoison({ seed, tasks, items, poison }: ChaosOptions): number[] {
  const random = createSeededRandom(seed + 1_000_003);
  const perTask = Math.ceil(items / tasks);
  return Array.from({ length: poison }, (_unused, part) => {
    const task = Math.floor(((part + random.next()) * tasks) / poison);
    return Math.min(items - 1, task * perTask + Math.floor(random.next() * perTask));
  });
}
