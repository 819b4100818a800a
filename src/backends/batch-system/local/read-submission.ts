import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { isMissing } from '../../shared/fs-errno.ts';
import { createElementTable, type ElementTable } from './element-table.ts';
import { decodeEvents } from './events.ts';
import { readIfThere } from './files.ts';
import { jobFiles, type HostLayout, type JobFiles } from './layout.ts';
import { parseSnapshot, tableOf } from './snapshot.ts';
import { parseStoredRequest, type StoredRequest } from './stored-request.ts';

export interface SubmissionView {
  readonly request: StoredRequest;
  readonly table: ElementTable;
  /** True when the final states are on disk and nothing can change any more. */
  readonly final: boolean;
}

/** Reads submissions; keeps what it has read, so that a later look costs what was added since. */
export interface SubmissionReader {
  /** Null when there is no such submission (or it was pruned). */
  read(layout: HostLayout, number: number): SubmissionView | null;
  forget(layout: HostLayout, number: number): void;
}

interface Kept {
  readonly request: StoredRequest;
  table: ElementTable;
  offset: number;
  final: boolean;
}

export function createSubmissionReader(): SubmissionReader {
  const kept = new Map<string, Kept>();
  return {
    read(layout, number) {
      const files = jobFiles(layout, number);
      const known = kept.get(files.dir) ?? firstLook(files);
      if (known === null) return null;
      kept.set(files.dir, known);
      if (known.final || catchUp(files, known)) return known;
      kept.delete(files.dir);
      return null;
    },
    forget: (layout, number) => kept.delete(jobFiles(layout, number).dir),
  };
}

function firstLook(files: JobFiles): Kept | null {
  const text = readIfThere(files.request);
  const request = text === null ? null : parseStoredRequest(text);
  if (request === null) return null;
  return { request, table: emptyTable(request), offset: 0, final: false };
}

export const emptyTable = (request: StoredRequest): ElementTable => createElementTable(request.count, request.throttle);

/**
 * False when the submission is no longer there. The journal disappears once `ended.json` is there: reading the snapshot
 * first and last leaves no gap between the two.
 */
function catchUp(files: JobFiles, known: Kept): boolean {
  if (takeSnapshot(files, known)) return true;
  const added = readFrom(files.events, known.offset);
  // Before its first event a submission has no journal.
  if (added === null) return takeSnapshot(files, known) || existsSync(files.request);
  // A last line without its end is still being written.
  const whole = added.subarray(0, added.lastIndexOf('\n') + 1);
  for (const event of decodeEvents(whole.toString('utf8'))) known.table.apply(event);
  known.offset += whole.length;
  return true;
}

function takeSnapshot(files: JobFiles, known: Kept): boolean {
  const text = readIfThere(files.ended);
  const snapshot = text === null ? null : parseSnapshot(text);
  if (snapshot === null) return false;
  known.table = tableOf(snapshot);
  known.final = true;
  return true;
}

/** The bytes of a file from `offset` on; null when it does not exist. */
function readFrom(path: string, offset: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - offset));
    const read = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, offset);
    return bytes.subarray(0, read);
  } finally {
    closeSync(fd);
  }
}
