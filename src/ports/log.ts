/** Structured log of a process; lines of JSON with bindings. An unwritable log never fails work. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds these fields to every line. */
  child(bindings: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;
