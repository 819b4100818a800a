import { redactText, withoutSecrets } from '../../domain/redact.ts';
import type { Log, LogFields } from '../../ports/log.ts';

export { createLogFiles } from './log-file.ts';

export interface LogOptions {
  /** Least level that is written. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  /** A file to append to, or standard error. */
  readonly destination: 'stderr' | { readonly path: string };
  /** Fields of every line, e.g. job, attempt and node. */
  readonly bindings?: LogFields;
}

/**
 * JSON lines through pino, written synchronously: a worker may be killed at any moment and its last line is the one that matters. pino is loaded
 * here, not when this file is imported. A destination that cannot be opened or written loses lines, never work.
 */
export async function createLog(options: LogOptions): Promise<Log> {
  const { pino, destination } = await import('pino');
  const target =
    options.destination === 'stderr' ? { fd: 2 } : { dest: options.destination.path, append: true, mkdir: false };
  let sink: ReturnType<typeof destination>;
  try {
    sink = destination({ ...target, sync: true });
  } catch {
    return silentLog;
  }
  sink.on('error', () => undefined);
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { ...options.bindings },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    sink,
  );
  return wrap(logger);
}

type Write = (fields: LogFields, message: string) => void;
interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  child(bindings: Record<string, unknown>): Logger;
}

function wrap(logger: Logger): Log {
  const line = (write: Write) => (message: string, fields?: LogFields) => {
    try {
      write.call(logger, withoutSecrets(fields ?? {}), redactText(message));
    } catch {
      // An unwritable log never fails work (ports/log.ts).
    }
  };
  return {
    debug: line(logger.debug),
    info: line(logger.info),
    warn: line(logger.warn),
    error: line(logger.error),
    child: (bindings) => wrap(logger.child({ ...bindings })),
  };
}

const nothing = (): void => undefined;
const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog };
