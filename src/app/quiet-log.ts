import type { Log } from '../ports/log.ts';

/** A log that keeps nothing, for commands whose every message is part of their answer. */
export function createQuietLog(): Log {
  const nothing = (): void => undefined;
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };
  return log;
}
