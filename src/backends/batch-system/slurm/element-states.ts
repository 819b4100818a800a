import { batchWord, cancelledBy } from '../../../domain/batch-words.ts';
import type { Cause } from '../../../domain/causes.ts';
import type { BatchHandle, ElementState } from '../../../ports/batch-system.ts';
import type { ExitStatus } from './exit-status.ts';
import type { QueueRow } from './parse-squeue.ts';
import { meaningOf } from './states.ts';

export type AskedHandle = BatchHandle & { readonly count: number };

/** Handles of which squeue does not know everything: some element is missing, or cancelled by it does not say whom. */
export function needsAccounting<T extends AskedHandle>(handles: readonly T[], queue: readonly QueueRow[]): T[] {
  const byId = indexRows(queue);
  return handles.filter((handle) => {
    const rows = byId.get(handle.id) ?? new Map<number, QueueRow>();
    for (let index = 0; index < handle.count; index += 1) {
      const row = rows.get(index);
      if (row === undefined || (batchWord(row.state) === 'CANCELLED' && cancelledBy(row.state) === null)) return true;
    }
    return false;
  });
}

/**
 * One state for every element of every handle. squeue is the witness of everything that lives and of what ended in the last minutes;
 * sacct only of what has ended, because its picture of the living lags. Missing from both is unknown.
 */
export function elementStates(
  handles: readonly AskedHandle[],
  queue: readonly QueueRow[],
  accounting: readonly QueueRow[],
  ownUid: number,
): ElementState[] {
  const queued = indexRows(queue);
  const accounted = indexRows(accounting);
  return handles.flatMap((handle) =>
    Array.from({ length: handle.count }, (_unused, index) => {
      const row = queued.get(handle.id)?.get(index);
      const record = accounted.get(handle.id)?.get(index);
      return elementState({ id: handle.id, index }, row, record, ownUid);
    }),
  );
}

function elementState(
  element: Pick<ElementState, 'id' | 'index'>,
  row: QueueRow | undefined,
  record: QueueRow | undefined,
  ownUid: number,
): ElementState {
  if (row !== undefined) {
    const cancelled =
      record !== undefined && batchWord(row.state) === 'CANCELLED' && cancelledBy(record.state) !== null;
    return describe(element, cancelled ? { ...row, state: record.state } : row, ownUid);
  }
  if (record === undefined) return { ...element, phase: 'unknown', cause: null, rawState: 'UNKNOWN' };
  const state = describe(element, record, ownUid);
  if (state.phase === 'ended') return state;
  return {
    ...element,
    phase: 'unknown',
    cause: null,
    rawState: record.state,
    reason: 'not in the queue; accounting does not know its end yet',
  };
}

function describe(element: Pick<ElementState, 'id' | 'index'>, row: QueueRow, ownUid: number): ElementState {
  const meaning = meaningOf({ state: row.state, exit: row.exit, reason: row.reason, ownUid });
  return {
    ...element,
    ...meaning,
    ...(meaning.phase === 'ended' ? exitOf(row.exit, meaning.cause) : {}),
    ...(row.node === undefined ? {} : { node: row.node }),
    ...(row.ranMs === undefined || meaning.phase === 'waiting' ? {} : { ranMs: row.ranMs }),
    ...(row.restarts === undefined ? {} : { restarts: row.restarts }),
    rawState: row.state,
    ...(row.reason === undefined ? {} : { reason: row.reason }),
  };
}

/** Slurm records exit 0 beside time limits and cancellations too, where the script never came to its end. */
const exitOf = (exit: ExitStatus, cause: Cause | null): ExitStatus =>
  cause !== null && exit.exitCode === 0 ? {} : exit;

/** Rows by job and index. A row of one element outranks a range: Slurm splits elements off their array when they start. */
function indexRows(rows: readonly QueueRow[]): Map<string, Map<number, QueueRow>> {
  const byId = new Map<string, Map<number, QueueRow>>();
  const ranges = rows.filter(({ indices }) => Array.isArray(indices) && indices.length > 1);
  const single = rows.filter(({ indices }) => indices === null || (Array.isArray(indices) && indices.length === 1));
  for (const row of [...ranges, ...single]) {
    const known = byId.get(row.id) ?? new Map<number, QueueRow>();
    for (const index of (row.indices as readonly number[] | null) ?? [0]) known.set(index, row);
    byId.set(row.id, known);
  }
  return byId;
}
