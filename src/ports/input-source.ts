import type { InputSpec } from '../domain/job-spec.ts';

/** Streams the records of an input in constant memory, in a stable order. */
export interface InputSources {
  /**
   * Records in chunks (some hundred each; never empty). A record that cannot be parsed comes with `error` instead of stopping the stream.
   * @throws INPUT_UNREADABLE, INPUT_COMMAND_FAILED, INPUT_MALFORMED (when the rest of the input cannot be made out at all, e.g. a broken gzip)
   */
  open(spec: InputSpec, signal?: AbortSignal): AsyncIterable<InputRecord[]>;
}

export interface InputRecord {
  /** The payload as one line of JSON (UTF-8, without the newline); for `.jsonl` the exact bytes of the line. When `error` is set: the raw text. */
  readonly json: Uint8Array;
  /** Value of `input.id` as text; absent when no id field is configured. */
  readonly id?: string;
  /** 1-based line in `file` on which the record starts (row number for Parquet; absent for grid and files). */
  readonly line?: number;
  readonly error?: { readonly message: string; readonly column?: number };
}
