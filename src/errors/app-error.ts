import { catalogue, type ErrorCode } from './catalogue.ts';

/** A place a person can open: a file with optional 1-based line and column. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** One of several problems found together (configuration, records); rendered as `file:line:column: message`. */
export interface Problem {
  readonly place?: Place;
  /** What was found and what was expected. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

export interface AppErrorOptions {
  /** What happened and where, with the concrete names and figures. No trailing period, no secrets. */
  readonly message: string;
  /** What the reader can do about it; the catalogue's default when absent. */
  readonly hint?: string;
  /** Structured facts for `--json`; small and free of secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** All problems at once, when there can be several. */
  readonly problems?: readonly Problem[];
  readonly cause?: unknown;
}

/**
 * A failure that is part of the interface: somebody outside slurmctl (the user, the file system, Slurm) has to act.
 * Anything thrown that is not an AppError is a bug in slurmctl and is reported as one, with its stack.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitCode: number;
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, options: AppErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry = catalogue[code];
    this.code = code;
    this.hint = options.hint ?? entry.hint;
    this.exitCode = entry.exitCode;
    this.retryable = entry.retryable;
    this.details = options.details ?? {};
    this.problems = options.problems ?? [];
  }
}

/** Narrowing test; with `code`, true only for that code. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The hint without its last part about how some job goes on: for where there is no job, or one whose id is known. */
export const remedyOf = ({ hint }: Pick<AppError, 'hint'>): string =>
  hint.replace(/[,;] (then|the job goes on with): slurmctl advance JOB$/, '');
