import type { TaskManifest } from './manifest.ts';
import { createItemIdReader } from './item-id.ts';
import { AppError, messageOf } from '../errors/app-error.ts';

/** One item of a task, ready to run; `problem` is set for a record that cannot be run at all. */
export interface TaskItemInput {
  readonly itemId: string;
  readonly itemIndex: number;
  readonly payload: unknown;
  /** Exact JSON text of the payload. */
  readonly json: string;
  readonly problem?: string;
}

/** The items of a task, decoded one by one when asked for: a batch may be large and most of it waits. */
export interface TaskBatch {
  readonly items: number;
  /** The n-th item of the task, 0-based. */
  item(n: number): TaskItemInput;
}

const NEWLINE = 0x0a;

/** @throws MANIFEST_CORRUPT when the batch has another number of lines than the manifest says */
export function openBatch(bytes: Uint8Array, manifest: TaskManifest, idField: string | undefined): TaskBatch {
  const ends = lineEnds(bytes);
  if (ends.length !== manifest.items)
    throw new AppError('MANIFEST_CORRUPT', {
      message: `${manifest.batch.key} has ${ends.length} lines, its manifest says ${manifest.items} items`,
      details: { task: manifest.task },
    });
  const bad = new Map(manifest.bad.map((record) => [record.line, record.message]));
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readId = idField === undefined ? null : createItemIdReader(idField);
  return {
    items: manifest.items,
    item(n) {
      const start = n === 0 ? 0 : (ends[n - 1] as number) + 1;
      const end = ends[n] as number;
      const itemIndex = manifest.firstItem + n;
      const json = buffer.toString('utf8', start, end);
      const problem = bad.get(n);
      if (problem !== undefined) return { itemId: String(itemIndex), itemIndex, payload: null, json, problem };
      let payload: unknown;
      try {
        payload = JSON.parse(json);
      } catch (error) {
        return { itemId: String(itemIndex), itemIndex, payload: null, json, problem: `not JSON: ${messageOf(error)}` };
      }
      if (readId === null) return { itemId: String(itemIndex), itemIndex, payload, json };
      const id = readId(buffer.subarray(start, end));
      if ('problem' in id) return { itemId: String(itemIndex), itemIndex, payload, json, problem: id.problem };
      return { itemId: id.id, itemIndex, payload, json };
    },
  };
}

/** Offset of the end of each line; a last line without a newline counts. */
function lineEnds(bytes: Uint8Array): number[] {
  const ends: number[] = [];
  let at = bytes.indexOf(NEWLINE);
  let next = 0;
  while (at >= 0) {
    ends.push(at);
    next = at + 1;
    at = bytes.indexOf(NEWLINE, next);
  }
  if (next < bytes.length) ends.push(bytes.length);
  return ends;
}
