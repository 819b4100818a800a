/**
 * The time of the place where the state is kept, so that processes whose own clocks differ agree on what "now" is. It is told with its error: nobody
 * knows a distant clock exactly, and whoever sells or spends by it has to know how wrong it can be.
 */
export interface SharedTime {
  /**
   * Epoch milliseconds there, with fractions, and the most by which they can be wrong; `unsure` while that is above 300 ms. May jump by as much
   * as the error when more is learned. Costs nothing.
   */
  now(): SharedMoment | 'unsure';
  /**
   * Asks until `now` is sure; about a second where answers bear whole seconds.
   * @throws STATE_UNAVAILABLE when the answers tell no time or take too long to tell it, other STATE_* as reading does, the signal's reason
   */
  sharpen(signal?: AbortSignal): Promise<void>;
}

export interface SharedMoment {
  readonly nowMs: number;
  readonly errorMs: number;
}
