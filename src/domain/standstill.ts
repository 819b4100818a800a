/** Something that keeps work of a job from running. Several may hold at once. */
export interface Standstill {
  /**
   * `paused` by a person; `splitting` of the input; `merging` of the output; `turn` of another job of its group; `sending`: the batch system takes no more, or not yet;
   * `queue` of the batch system; `elements`: of those that run, each takes one task after the other; `limit`, `pool` and `quota` of the site; `backoff` before a retry;
   * `undecided`: nobody has looked at an attempt that ended; `breaker`: so many failed alike that one tries for all.
   */
  readonly kind:
    | 'paused'
    | 'splitting'
    | 'merging'
    | 'turn'
    | 'sending'
    | 'queue'
    | 'elements'
    | 'limit'
    | 'pool'
    | 'quota'
    | 'backoff'
    | 'undecided'
    | 'breaker';
  /** One sentence, without a full stop. */
  readonly says: string;
  /** How much waits for it: tasks, of `queue` array elements. Null: the whole job. */
  readonly waiting: number | null;
  /** When the first of it may go on, and in how many ms (0: it is due), as far as anybody knows; null: nobody can say. */
  readonly until: string | null;
  readonly inMs: number | null;
  /** What one can do about it; null: wait. */
  readonly todo: string | null;
}
