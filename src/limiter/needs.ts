import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { SharedTime } from '../ports/shared-time.ts';
import type { StateTable } from '../ports/state-table.ts';

/** What the limiter of a process is made of. */
export interface LimiterDeps {
  readonly state: Pick<StateTable, 'get' | 'write'>;
  /** The time of the table, which all buyers share; every answer of `state` makes it surer. */
  readonly time: SharedTime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Epoch ms at which the process has to end; null when nothing ends it. */
  readonly endsAtMs: number | null;
  /** Longest that calls wait for the next window of a quota; absent: until the process ends. */
  readonly quotaPatienceMs?: number;
}
