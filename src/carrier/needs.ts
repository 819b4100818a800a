import type { SpoolPlace } from '../domain/carry.ts';
import type { JobIndexItem } from '../domain/job-item.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface Side {
  readonly store: ObjectStore;
  readonly state: StateTable;
}

export interface CarrierDeps {
  /** The spool: the truth. Nothing is written there. */
  readonly from: Side;
  readonly to: Side;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  readonly place: SpoolPlace;
  /** What the index shall say of the copy: where its own store is. */
  readonly backends: NonNullable<JobIndexItem['backends']>;
  /** Asked before anything is sent. @throws LEASE_LOST when another carrier may be at work; the reason of whoever wants it to end */
  readonly assertHeld: () => void;
}

/** Tasks, or files of different tasks, under way at once. */
export const IN_FLIGHT = 16;
