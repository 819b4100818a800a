import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Ids, Random } from '../ports/random.ts';
import type { StateTable } from '../ports/state-table.ts';

/** What the pools of a process are made of. */
export interface PoolDeps {
  readonly state: Pick<StateTable, 'get' | 'query' | 'write'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Log;
  /** Who holds and waits, for people. */
  readonly holder: { readonly job: string; readonly node: string };
  /** By pool: higher goes first. A pool that is not named has 0. */
  readonly priorities: Readonly<Record<string, number>>;
}
