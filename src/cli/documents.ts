import type { LogLine, RequestCount, RetryDocument, StatusDocument, SubmitDocument } from '../app/documents.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Problem } from '../errors/app-error.ts';

/** `submit --wait`: the submission, and the job as it ended. */
export interface SubmitWaitDocument extends SubmitDocument {
  readonly final: StatusDocument;
}

/** `retry --wait`: what runs again, and the job as it ended. `final` is absent where there was nothing to wait for. */
export interface RetryWaitDocument extends RetryDocument {
  readonly final?: StatusDocument;
}

/** `results --query` and `results --head`. 64-bit integers keep all their digits; NaN and infinities are strings. */
export interface QueryDocument {
  readonly schema: 'slurmctl.query/1';
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** One array a row, values in the order of `columns`. */
  readonly rows: readonly (readonly unknown[])[];
}

/** `logs`. */
export interface LogsDocument {
  readonly schema: 'slurmctl.logs/1';
  readonly lines: readonly LogLine[];
}

/** `logs --follow`: one document a line of output. */
export interface LogLineDocument extends LogLine {
  readonly schema: 'slurmctl.log-line/1';
}

/** `init --list`. */
export interface ExamplesDocument {
  readonly schema: 'slurmctl.examples/1';
  readonly examples: readonly { readonly name: string; readonly summary: string }[];
}

/** What a command took: one line on stderr, after everything else, with `--timing --json` or with `SLURMCTL_TIMING=json` in the environment. */
export interface TimingDocument {
  readonly schema: 'slurmctl.timing/1';
  readonly command: string;
  /** From the start of the process. */
  readonly wallMs: number;
  /** The part of it until the settings were read and the drivers open; null when the command needs neither. */
  readonly startUpMs: number | null;
  /** In order of service and operation; empty when everything is in directories. */
  readonly requests: readonly RequestCount[];
}

/** Any command that fails. `code` is stable; every code is in errors.md. */
export interface ErrorDocument {
  readonly schema: 'slurmctl.error/1';
  /** `BUG` for a fault of slurmctl itself. */
  readonly code: ErrorCode | 'BUG';
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
  /** True when the same command may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Several problems found together, each with its place. */
  readonly problems: readonly Problem[];
  /** Facts by name; which ones depends on the code. `jobId` when a job exists. */
  readonly details: Readonly<Record<string, unknown>>;
}
