/** What `limit set`, `limit list`, `limit show` and `limit delete` return. */
import type { JobState } from '../domain/states.ts';

/** What a site says of a rate limit. */
export interface LimitFigures {
  readonly name: string;
  /** `amount` units in `perMs`, in words such as `3000/min`; requests first. */
  readonly rates: readonly {
    readonly unit: string;
    readonly amount: number;
    readonly perMs: number;
    readonly rate: string;
  }[];
  /** At most `amount` units in each calendar hour, day or month of the zone. */
  readonly quotas: readonly {
    readonly unit: string;
    readonly amount: number;
    readonly every: 'hour' | 'day' | 'month';
    readonly zone: string;
  }[];
  readonly burstMs: number;
  readonly mode: 'statistical' | 'hard';
  /** All of it in one line. */
  readonly words: string;
  /** Who said so, and when. */
  readonly source: string;
  readonly setAt: string;
}

export interface LimitSetDocument {
  readonly schema: 'slurmctl.limit-set/1';
  readonly outcome: 'created' | 'changed' | 'same';
  readonly limit: LimitFigures;
  /** What the site said before; null when it said nothing. */
  readonly before: LimitFigures | null;
}

export interface LimitListDocument {
  readonly schema: 'slurmctl.limit-list/1';
  readonly limits: readonly {
    readonly figures: LimitFigures;
    /** Share of the rate that is sold: 1 unless the provider refused calls. */
    readonly share: number;
    /** How far ahead calls are sold; 0 when nobody is waiting for a turn. */
    readonly soldAheadMs: number;
    /** About how many calls the provider refused (HTTP 429), and how often the rate was lowered for that. */
    readonly answers429: number;
    readonly refusals: number;
  }[];
}

export interface LimitDocument {
  readonly schema: 'slurmctl.limit/1';
  readonly figures: LimitFigures;
  /** Share of the rate that is sold: 1 unless the provider refused calls; grows back by itself. */
  readonly share: number;
  /** About how many calls the provider refused (HTTP 429) since the limit was created. */
  readonly answers429: number;
  readonly since: string;
  /** How often the rate was lowered for that, and when it last was; null: never. */
  readonly refusals: number;
  readonly refusedAt: string | null;
  /** End of the last turn sold; null before the first. `soldAheadMs`: how far that is from here, 0 when it is past. */
  readonly soldUntil: string | null;
  readonly soldAheadMs: number;
  /**
   * By unit: what was sold in all, and, all a second: how fast it sells (null unless measured between two looks), the figure (`statedPerSec`), and
   * what is sold of it at most (`ofPerSec`): less by what is left for windows to hold, and by what refusals took.
   */
  readonly sold: readonly {
    readonly unit: string;
    readonly units: number;
    readonly perSec: number | null;
    readonly statedPerSec: number;
    readonly ofPerSec: number;
  }[];
  /** The present window of each quota. */
  readonly windows: readonly {
    readonly unit: string;
    readonly amount: number;
    readonly used: number;
    readonly every: 'hour' | 'day' | 'month';
    readonly zone: string;
    readonly from: string;
    readonly until: string;
  }[];
  /** Live jobs that use it. */
  readonly jobs: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: JobState;
    readonly runningTasks: number;
    /** Of these, tasks whose worker waited for this limit when it was last heard of. */
    readonly waitingTasks: number;
    /** When the first of them expects its turn; null when nobody can say. */
    readonly nextAt: string | null;
  }[];
  /** Workers of these jobs that use it, as they said with their last heartbeats: those that hold the most first, at most 500. */
  readonly workers: readonly {
    readonly job: string;
    readonly task: string;
    readonly node: string | null;
    /** What it had bought and not spent, and when that can be spent no more; null: nothing. */
    readonly held: { readonly units: number; readonly unit: string; readonly until: string } | null;
    /** Its calls that waited for a turn, and when the first of them expected it (null: none, or nobody can say). */
    readonly waitingCalls: number;
    readonly nextAt: string | null;
    /** Calls that had their turn since its process began. */
    readonly had: number;
    /** How long ago it was heard of, by its clock. */
    readonly silentMs: number;
  }[];
  /** Workers that are left out. */
  readonly moreWorkers: number;
}

export interface LimitDeleteDocument {
  readonly schema: 'slurmctl.limit-delete/1';
  readonly figures: LimitFigures;
  /** Ids of live jobs that used it all the same (`--force`). */
  readonly jobs: readonly string[];
}
