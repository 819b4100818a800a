import { createElementTable, type ElementRecord, type ElementTable } from './element-table.ts';
import type { EndWord } from './events.ts';

/** Content of `ended.json`: the final states of a submission, equal neighbours together. */
export interface Snapshot {
  readonly version: 1;
  readonly count: number;
  readonly endedMs: number;
  readonly runs: readonly SnapshotRun[];
}

interface SnapshotRun {
  readonly from: number;
  readonly to: number;
  readonly how: EndWord;
  readonly restarts: number;
  readonly exit?: number;
  readonly signal?: number;
  readonly note?: string;
}

/** @param table of which every element has ended */
export function snapshotOf(table: ElementTable, endedMs: number): Snapshot {
  const runs: SnapshotRun[] = [];
  for (let index = 0; index < table.count; index += 1) {
    const run = runOf(table.get(index), index);
    const last = runs.at(-1);
    if (last !== undefined && sameEnd(last, run)) runs[runs.length - 1] = { ...last, to: index };
    else runs.push(run);
  }
  return { version: 1, count: table.count, endedMs, runs };
}

function runOf(record: ElementRecord, index: number): SnapshotRun {
  if (record.phase !== 'ended' || record.how === undefined) throw new Error(`element ${index} has not ended`);
  return {
    from: index,
    to: index,
    how: record.how,
    restarts: record.restarts,
    ...(record.exit === undefined ? {} : { exit: record.exit }),
    ...(record.signal === undefined ? {} : { signal: record.signal }),
    ...(record.note === undefined ? {} : { note: record.note }),
  };
}

const sameEnd = (a: SnapshotRun, b: SnapshotRun): boolean =>
  a.how === b.how && a.restarts === b.restarts && a.exit === b.exit && a.signal === b.signal && a.note === b.note;

/** The table that `snapshotOf` was given, as far as ended elements can tell. */
export function tableOf(snapshot: Snapshot): ElementTable {
  const table = createElementTable(snapshot.count);
  for (const { from, to, restarts, ...rest } of snapshot.runs) {
    if (restarts > 0) {
      for (let index = from; index <= to; index += 1) table.apply({ e: 'start', t: 0, i: index, restart: restarts });
    }
    table.apply({ e: 'end', t: snapshot.endedMs, i: from, to, ...rest });
  }
  return table;
}

/** @returns null for anything that is not a snapshot */
export function parseSnapshot(text: string): Snapshot | null {
  try {
    const value = JSON.parse(text) as Partial<Snapshot> | null;
    return value?.version === 1 && Array.isArray(value.runs) ? (value as Snapshot) : null;
  } catch {
    return null;
  }
}
