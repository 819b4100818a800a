import { createHash } from 'node:crypto';
import type { AttemptId, TaskId } from './ids.ts';
import { isCause } from './causes.ts';
import type { ItemOutcome } from './outcome.ts';
import type { ColumnObservation } from './manifest.ts';

/** First line of a checkpoint segment; the outcomes follow, one line each. */
export interface SegmentHeader {
  readonly task: TaskId;
  readonly attempt: AttemptId;
  readonly seq: number;
  readonly generation: number;
  /** Of the batch the outcomes belong to: a task whose batch changed must not resume from them. */
  readonly batchSha256: string;
  /** With `output: infer`: everything observed up to here. */
  readonly observed?: readonly (ColumnObservation & { readonly column: string })[];
  /** Failed tries at items that have no outcome yet, up to here: [number in the task, tries]. */
  readonly tries?: readonly (readonly [item: number, tries: number])[];
}

/** Most entries of `tries`: what is left out is tried more often than it need be. */
export const MAX_CARRIED_TRIES = 4_096;

const SCHEMA = 'slurmctl.segment/1';

export function encodeSegment(header: SegmentHeader, outcomes: readonly ItemOutcome[]): string {
  const body = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join('');
  const head = { schema: SCHEMA, ...header, rows: outcomes.length, sha256: sha256(body) };
  return `${JSON.stringify(head)}\n${body}`;
}

/** For the pointer, which has the sums of its segments. */
export const countFailed = (outcomes: readonly Pick<ItemOutcome, 'status'>[]): number =>
  outcomes.filter(({ status }) => status === 'failed').length;

export interface Segment {
  readonly header: SegmentHeader;
  readonly outcomes: readonly ItemOutcome[];
}

/** What is wrong with a segment, as text, or the segment. */
export function decodeSegment(bytes: Uint8Array): Segment | string {
  const text = new TextDecoder().decode(bytes);
  const end = text.indexOf('\n');
  if (end < 0) return 'it has no header line';
  const body = text.slice(end + 1);
  try {
    const head = JSON.parse(text.slice(0, end)) as SegmentHeader &
      Readonly<Record<'schema' | 'rows' | 'sha256', unknown>>;
    if (head.schema !== SCHEMA) return `its schema is ${JSON.stringify(head.schema)}`;
    if (head.sha256 !== sha256(body)) return 'its sha-256 differs from its header';
    if (head.tries !== undefined && !areTries(head.tries)) return 'its tries are not pairs of numbers';
    const lines = body === '' ? [] : body.slice(0, -1).split('\n');
    if (head.rows !== lines.length) return `it has ${lines.length} rows, its header says ${JSON.stringify(head.rows)}`;
    const outcomes = lines.map((line) => JSON.parse(line) as ItemOutcome);
    const odd = outcomes.findIndex((outcome) => !isOutcome(outcome));
    return odd < 0 ? { header: head, outcomes } : `row ${odd + 1} is not an outcome`;
  } catch {
    return 'it is not JSON';
  }
}

const areTries = (tries: unknown): boolean =>
  Array.isArray(tries) &&
  tries.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isSafeInteger));

function isOutcome(value: ItemOutcome): boolean {
  if (!Number.isSafeInteger(value.itemIndex) || typeof value.itemId !== 'string') return false;
  return value.status === 'succeeded' ? value.cause === null : value.status === 'failed' && isCause(value.cause);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
