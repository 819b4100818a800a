/** Checks what a `retry` opens: each task as it was chosen and with its record, the chosen items and no others run, and the rest keep what they had. */
import { isCarried, readRedoRecord, type RedoBase, type RedoRecord } from '../../../src/domain/redo.ts';
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import type { ItemRange } from '../../../src/domain/item-ranges.ts';
import { doneKey, partKey, redoBaseKey, redoKey, resultsKey, taskManifestKey } from '../../../src/domain/keys.ts';
import type { TaskManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { decodeSegment } from '../../../src/domain/segment.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import type { SimProcess } from '../core/processes.ts';
import { decodeRows } from '../ports/disk.ts';
import type { Run } from '../ports/handler.ts';
import type { SimObjectStore } from '../ports/object-store.ts';
import type { Watched } from './report.ts';

export interface RedoWatch {
  onOpening(process: SimProcess, job: string, task: string, seen: { before: TaskItem; after: TaskItem }): void;
  /** An attempt has taken the task. */
  onClaim(job: string, task: string, after: TaskItem): void;
  onCommit(job: string, task: string, after: TaskItem): void;
  onRun(process: SimProcess, run: Run): void;
}

export function createRedoWatch({ store, violate }: Pick<Watched, 'store' | 'violate'>): RedoWatch {
  /** Generation of a redone task when this attempt took it, by `attempt/task`. */
  const claims = new Map<string, readonly [job: string, generation: number]>();
  return {
    onOpening(process, job, task, { before, after }) {
      const where = `${job}/${task} generation ${after.generation}`;
      const bytes = store.peek(redoKey(job as JobId, after.generation, task as TaskId));
      const opened = bytes === null ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as RedoRecord).opened;
      if (opened === undefined) {
        violate('redo', `${where}: opened by ${process.name} without a record of what it runs`);
        return;
      }
      const { seen } = opened;
      const told = (one: { state: string; generation: number; attempts: number }, winner?: string): string =>
        `${one.state} generation ${one.generation} attempts ${one.attempts} winner ${winner ?? '-'}`;
      const [chosen, was] = [told(seen, seen.winner), told(before, before.win?.attempt)];
      if (chosen !== was) violate('stale-write', `${where}: chosen as ${chosen}, opened as ${was} by ${process.name}`);
    },
    onClaim(job, task, { owner, generation, redo }) {
      if (redo === true) claims.set(`${owner}/${task}`, [job, generation]);
    },
    onCommit(job, task, item) {
      const kept = item.redo === true ? keptOf(store, job, task, item.generation) : null;
      if (kept === null || item.win === undefined) return;
      const rows = decodeRows(store.peek(partKey(job as JobId, task as TaskId, item.win.attempt)) ?? new Uint8Array());
      const flaw = findOther(kept, rows ?? []);
      if (flaw !== null) violate('redo', `${job}/${task} generation ${item.generation}: ${flaw}`);
    },
    onRun(process, run) {
      const [job, generation] = claims.get(`${run.attempt}/${run.task}`) ?? ['', 0];
      const kept = job === '' ? null : keptOf(store, job, run.task, generation);
      if (kept?.has(run.item) === true)
        violate('redo', `${process.name} runs item ${run.item} of ${run.task}, which the retry left alone`);
    },
  };
}

/** What is wrong with these rows, when those in `kept` must be among them; null: nothing. */
export function findOther(kept: ReadonlyMap<number, ItemOutcome>, rows: readonly ItemOutcome[]): string | null {
  const found = new Map(rows.map((row) => [row.itemIndex, row]));
  for (const [item, outcome] of kept)
    if (JSON.stringify(found.get(item)) !== JSON.stringify(outcome))
      return `item ${item} was left alone, and its row is another: ${JSON.stringify(found.get(item))}`;
  return null;
}

/** Outcomes that a generation of the task has to keep, by item index; null when they were damaged, or nothing is kept. */
export function keptOf(
  store: SimObjectStore,
  job: string,
  task: string,
  generation: number,
): ReadonlyMap<number, ItemOutcome> | null {
  const where = { job: job as JobId, task: task as TaskId, generation };
  const bytes = store.peek(redoKey(where.job, generation, where.task));
  const record = bytes === null ? 'missing' : readRedoRecord(bytes, where);
  if (typeof record === 'string' || record.base === null) return null;
  const rows = rowsOf(store, where, record.base);
  const manifest = store.peek(taskManifestKey(where.job, where.task));
  if (rows === null || manifest === null) return null;
  const { firstItem } = JSON.parse(Buffer.from(manifest).toString()) as TaskManifest;
  const carried = (items: readonly ItemRange[]) => (row: ItemOutcome) => isCarried(items, row.itemIndex - firstItem);
  return new Map(rows.filter(carried(record.items)).map((row) => [row.itemIndex, row]));
}

function rowsOf(
  store: SimObjectStore,
  { job, task }: { readonly job: JobId; readonly task: TaskId },
  base: RedoBase,
): ItemOutcome[] | null {
  if (base.kind === 'winner') {
    const keys = [doneKey(job, task, base.attempt), resultsKey(job, task, base.attempt)];
    if (keys.some((key) => store.isCorrupt(key))) return null;
    return decodeRows(store.peek(keys[1] as string) ?? new Uint8Array());
  }
  const rows: ItemOutcome[] = [];
  for (let seq = 1; seq <= base.segments; seq += 1) {
    const segment = decodeSegment(store.peek(redoBaseKey(job, task, base, seq)) ?? new Uint8Array());
    if (typeof segment === 'string') return null;
    rows.push(...segment.outcomes);
  }
  return rows;
}
