/** Time. The only source of it outside backends, so that a simulator can own it. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  nowMs(): number;
  /** Monotonic milliseconds with fractions; only differences mean something. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms`; the returned function cancels. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` every `ms` until cancelled. Does not keep the process alive. */
  every(ms: number, fn: () => void): () => void;
}
