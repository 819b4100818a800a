import type { JobState } from '../domain/states.ts';

/** Jobs of one group, of which at most `max` run at a time. */
export interface TurnDocument {
  readonly group: string;
  readonly max: number;
  /** 0: the job has its turn; 1: it is the first that waits. Null: its turn was not asked for yet. */
  readonly place: number | null;
  readonly holders: readonly {
    readonly job: string;
    readonly user: string;
    /** Null: the job was removed. */
    readonly state: JobState | null;
    /** Since when it has its turn. */
    readonly since: string;
  }[];
  /** Jobs that wait. */
  readonly waiting: number;
}
