import type { JobId } from '../domain/ids.ts';
import type { LogLevel } from '../domain/log-line.ts';

/** What `logs` is asked for; lines that meet all of it. */
export interface LogsRequest {
  readonly job: JobId;
  /** Task number or id; absent: all tasks. */
  readonly task?: string;
  /** Id of an item, or `#` and its position: its lines alone. */
  readonly item?: string;
  /** Id of an attempt: its lines alone. */
  readonly attempt?: string;
  /** Lines of items that have failed for good, as far as that is saved; not with `follow` or `item`. */
  readonly failed?: boolean;
  /** A regular expression. */
  readonly grep?: string;
  /** This level and above. */
  readonly level?: LogLevel;
  /** Lines of this time and later. */
  readonly since?: { readonly agoMs: number } | { readonly atMs: number };
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}
