/** What `pool set`, `pool list`, `pool show`, `pool delete` and `pool evict` return. */
import type { JobState } from '../domain/states.ts';

/** What a site says of a pool, or of a group of jobs (`concurrency`), which is stated as a pool `group:<group>` whose slots are jobs. */
export interface PoolFigures {
  readonly name: string;
  readonly kind: 'pool' | 'group';
  /** So many hold it at a time. */
  readonly slots: number;
  /** A slot whose holder was silent for so long is free again. Null for a group: a job keeps its turn until it is over. */
  readonly leaseMs: number | null;
  /** All of it in one line. */
  readonly words: string;
  /** Who said so, and when. */
  readonly source: string;
  readonly setAt: string;
}

export interface PoolSetDocument {
  readonly schema: 'slurmctl.pool-set/1';
  readonly outcome: 'created' | 'changed' | 'same';
  readonly pool: PoolFigures;
  /** What the site said before; null when it said nothing. */
  readonly before: PoolFigures | null;
  /** Slots that are held; more than there are when the pool was made smaller: their holders keep them until they give them back. */
  readonly held: number;
}

export interface PoolListDocument {
  readonly schema: 'slurmctl.pool-list/1';
  readonly pools: readonly {
    readonly figures: PoolFigures;
    readonly held: number;
    /** Processes in line for a slot. */
    readonly waiting: number;
  }[];
  /** Groups of jobs that do not run together: how many run, and how many wait. */
  readonly groups: readonly {
    readonly figures: PoolFigures;
    readonly held: number;
    readonly waiting: number;
  }[];
}

/** A job that has its turn in a group, or waits for it. */
export interface GroupJob {
  readonly job: string;
  readonly user: string;
  /** Null: the job was removed. Whoever looks next takes the turn of a job that is over. */
  readonly state: JobState | null;
  /** Since when it has its turn, or waits, and for how long by now. */
  readonly since: string;
  readonly forMs: number;
}

/** Who holds a slot, or waits for one. Times are those that its own clock told. */
export interface PoolPerson {
  readonly job: string;
  readonly node: string;
  readonly priority: number;
  /** Since when, and for how long by now. */
  readonly since: string;
  readonly forMs: number;
  /** Last heartbeat, and how long ago that is by now. */
  readonly heardAt: string;
  readonly silentMs: number;
}

export interface PoolDocument {
  readonly schema: 'slurmctl.pool/1';
  readonly figures: PoolFigures;
  /** Slots that are held, without those of silent holders; of a group, live jobs that have their turn. */
  readonly held: number;
  /** Of a group: which jobs have their turns, and which wait, in their order; then there are no slots, and `waiting` is empty. Null for a pool. */
  readonly turns: { readonly running: readonly GroupJob[]; readonly waiting: readonly GroupJob[] } | null;
  /** Every slot, and those above their number that are held since there were more. */
  readonly slots: readonly {
    readonly slot: number;
    /** `evicted`: taken away from its holder, which has not given it back yet. `silent`: its holder was not heard of for a lease: the next who asks gets it. */
    readonly state: 'free' | 'held' | 'evicted' | 'silent';
    /** Grows with each holder, and when a slot is taken away; 0: it was never held. */
    readonly fence: number;
    readonly holder: PoolPerson | null;
    /** Who took it away; null: nobody. */
    readonly evictedBy: string | null;
  }[];
  /** Processes in line, in the order in which they will have a slot: higher priority first, then who came first. */
  readonly waiting: readonly PoolPerson[];
  /** Live jobs that use it. */
  readonly jobs: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: JobState;
    readonly runningTasks: number;
    /** Of these, tasks whose worker waited for this pool when it was last heard of. */
    readonly waitingTasks: number;
  }[];
}

export interface PoolDeleteDocument {
  readonly schema: 'slurmctl.pool-delete/1';
  readonly figures: PoolFigures;
  /** Ids of live jobs that used it all the same (`--force`), slots that were held, processes that waited. */
  readonly jobs: readonly string[];
  readonly held: number;
  readonly waiting: number;
}

export interface PoolEvictDocument {
  readonly schema: 'slurmctl.pool-evict/1';
  readonly name: string;
  readonly slots: readonly {
    readonly slot: number;
    /** `already`: somebody took it away before. `returned`: its holder gave it back at the same moment, so nothing was taken. */
    readonly outcome: 'evicted' | 'already' | 'returned';
    readonly holder: PoolPerson;
    /** The fence of its holder, which what the slot protects can refuse from now on. */
    readonly fence: number;
    /** Who took it away; null when nobody did. */
    readonly evictedBy: string | null;
    /** Within so long the holder hears of it and stops, unless it is dead. */
    readonly hearsWithinMs: number;
    /** The slot is free when its holder gives it back, or was silent for so long. */
    readonly freeAfterMs: number;
  }[];
}
