import type { JobSpec } from '../../../src/domain/job-spec.ts';
import type { VirtualTime } from '../core/virtual-time.ts';
import type { Run } from '../ports/handler.ts';
import type { SimObjectStore } from '../ports/object-store.ts';
import type { SimStateTable } from '../ports/state-table.ts';

/** Names of what must hold; docs/development/simulation.md says each in a sentence. */
export type Invariant =
  | 'one-winner'
  | 'winner-is-complete'
  | 'only-grows'
  | 'done-is-absorbing'
  | 'sums'
  | 'output-is-exact'
  | 'stale-write'
  | 'illegal-move'
  | 'budget'
  | 'submissions'
  | 'deletion'
  | 'liveness'
  | 'rerun'
  | 'redo'
  | 'history'
  | 'breaker'
  | 'needs'
  | 'quarantine'
  | 'left-running'
  | 'pointer'
  | 'bug'
  | 'turns'
  | 'real-time';

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly message: string;
}

/** What checkers look at, and where they say what they found. */
export interface Watched {
  readonly time: VirtualTime;
  readonly state: SimStateTable;
  readonly store: SimObjectStore;
  readonly spec: JobSpec;
  readonly runs: readonly Run[];
  readonly violate: (invariant: Invariant, message: string) => void;
}

/** Parts of `J#<job>#T#<shard>`, `J#<job>` and `L#advance:<job>`; null for other partitions. */
export function parsePartition(
  partition: string,
): { readonly kind: 'tasks' | 'job' | 'lock' | 'index'; readonly job: string } | null {
  const task = /^J#(.+)#T#\d+$/.exec(partition);
  if (task !== null) return { kind: 'tasks', job: task[1] as string };
  if (partition.startsWith('J#')) return { kind: 'job', job: partition.slice(2) };
  if (partition.startsWith('L#advance:')) return { kind: 'lock', job: partition.slice('L#advance:'.length) };
  return partition === 'JOBS' ? { kind: 'index', job: '' } : null;
}
