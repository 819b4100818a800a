import type { InputSpec } from '../domain/job-spec.ts';

/** Streams the records of an input in constant memory, in a stable order. */
export interface InputSources {
  /**
   * Records in chunks of some hundred KiB; never an empty chunk. A record that cannot be parsed comes as a bad record instead of
   * stopping the stream. Leaving the iteration early closes files and ends commands.
   * @throws INPUT_UNREADABLE, INPUT_COMMAND_FAILED, INPUT_MALFORMED (when the rest of the input cannot be made out at all: a
   * broken gzip, binary data, a header with two equal names, a record beyond 64 MiB)
   */
  open(spec: InputSpec, signal?: AbortSignal): AsyncIterable<InputChunk>;
}

/**
 * Consecutive records, kept as columns: a million records are a few hundred objects, and a chunk of a `.jsonl` file is the
 * bytes that were read, untouched.
 */
export interface InputChunk {
  /** Every record as one line of JSON (UTF-8) ended by "\n": the bytes a batch holds. A bad record is the JSON string of its raw text, cut at 64 KiB. */
  readonly bytes: Uint8Array;
  /** `ends[n]` is the offset in `bytes` just past the newline of record n; its length is the number of records. */
  readonly ends: readonly number[];
  /** 1-based line (row number for Parquet) on which record n starts; absent where lines mean nothing (grid, files). */
  readonly lines?: readonly number[];
  /** Value of `input.id` of record n as text, '' for a bad record; absent when no id field is configured. */
  readonly ids?: readonly string[];
  /** In order of `index`. */
  readonly bad: readonly BadRecord[];
}

export interface BadRecord {
  /** 0-based position in the chunk. */
  readonly index: number;
  /** What was found and what was expected. */
  readonly message: string;
  /** 1-based column in characters, where it can be told. */
  readonly column?: number;
}
