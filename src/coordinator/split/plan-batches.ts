import type { InputChunk } from '../../ports/input-source.ts';

/** The items of one task, not yet written. */
export interface Batch {
  /** 0-based ordinal of the first item. */
  readonly firstItem: number;
  readonly items: number;
  readonly bytes: number;
  /** The batch's lines; views of the input's chunks, so that nothing is copied until it is written. */
  readonly pieces: readonly Uint8Array[];
  /** 0-based line in the batch and what is wrong with it. */
  readonly bad: readonly { readonly line: number; readonly message: string }[];
}

export interface BatchLimits {
  readonly items: number;
  /** Of the stored lines, newlines included. */
  readonly bytes: number;
}

export interface BatchPlanner {
  /** Takes the next records; returns the batches they complete. */
  add(chunk: InputChunk): Batch[];
  /** The last, incomplete batch; null when there is none. */
  finish(): Batch | null;
}

interface OpenBatch {
  firstItem: number;
  items: number;
  bytes: number;
  pieces: Uint8Array[];
  bad: { line: number; message: string }[];
}

/**
 * Groups consecutive records into batches: a batch closes when it has `items` items or when the next line would take it over `bytes`,
 * whichever comes first, so a line larger than `bytes` is a batch of its own. Depends only on the records, not on how they were chunked.
 */
export function createBatchPlanner(limits: BatchLimits): BatchPlanner {
  const startAt = (firstItem: number): OpenBatch => ({ firstItem, items: 0, bytes: 0, pieces: [], bad: [] });
  let open = startAt(0);

  const close = (): Batch => {
    const closed = open;
    open = startAt(closed.firstItem + closed.items);
    return closed;
  };

  return {
    add(chunk) {
      const closed: Batch[] = [];
      let pieceStart = 0;
      let nextBad = 0;
      const cut = (end: number): void => {
        if (end > pieceStart) open.pieces.push(chunk.bytes.subarray(pieceStart, end));
        pieceStart = end;
      };
      for (let index = 0, start = 0; index < chunk.ends.length; index += 1) {
        const end = chunk.ends[index] as number;
        if (open.items > 0 && open.bytes + (end - start) > limits.bytes) {
          cut(start);
          closed.push(close());
        }
        const bad = chunk.bad[nextBad];
        if (bad?.index === index) {
          open.bad.push({ line: open.items, message: bad.message });
          nextBad += 1;
        }
        open.items += 1;
        open.bytes += end - start;
        start = end;
        if (open.items < limits.items) continue;
        cut(end);
        closed.push(close());
      }
      cut(chunk.bytes.length);
      return closed;
    },
    finish: () => (open.items === 0 ? null : close()),
  };
}
