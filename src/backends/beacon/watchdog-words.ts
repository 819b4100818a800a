/** What the watchdog's thread and the thread it watches both know. */
export interface WatchdogData {
  /** Shared between the two. */
  readonly numbers: Int32Array;
  /** Of the beacon: file descriptors belong to the process. */
  readonly fd: number;
}

export const LOOK_EVERY_MS = 250;

/** Indices in `numbers`. */
export const TURNS = 0;
export const IN_FLIGHT = 1;
/** Looks without a turn of the loop after which it is stuck; 0: do not look. */
export const LIMIT_LOOKS = 2;
export const NUMBERS = 3;
