/** Node-local disk and what lives on it: scratch directories, result files, leaf parts and merges, all of them rows as JSON lines. */
import { AppError } from '../../../src/errors/app-error.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import type { Columnar, MergedFile, QueryRequest } from '../../../src/ports/columnar.ts';
import type { LeafParts } from '../../../src/ports/leaf-part.ts';
import type { ResultFile, ResultFiles, SealedResultFile } from '../../../src/ports/result-file.ts';
import type { Scratch } from '../../../src/ports/scratch.ts';
import type { Processes, SimProcess } from '../core/processes.ts';
import { LOCAL_PREFIX, sha256, type SimObjectStore } from './object-store.ts';

const full = (): AppError => new AppError('SCRATCH_FULL', { message: 'simulated: no space left on device' });

export const encodeRows = (rows: Iterable<ItemOutcome>): Uint8Array =>
  Buffer.from(Array.from(rows, (row) => `${JSON.stringify(row)}\n`).join(''));

/** Null: these are not rows. */
export function decodeRows(bytes: Uint8Array): ItemOutcome[] | null {
  const text = Buffer.from(bytes).toString();
  try {
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ItemOutcome);
  } catch {
    return null;
  }
}

const byIndex = (a: ItemOutcome, b: ItemOutcome): number => a.itemIndex - b.itemIndex;

export interface DiskPorts {
  readonly scratch: Scratch;
  readonly resultFiles: ResultFiles;
  readonly leafParts: LeafParts;
  readonly columnar: Columnar;
}

export function diskPortsOf(processes: Processes, store: SimObjectStore, process: SimProcess): DiskPorts {
  const { disk } = process.node;
  let opened = 0;
  const write = (path: string, bytes: Uint8Array): void => {
    if (process.node.diskFull) throw full();
    disk.set(path, bytes);
  };
  const call = <T>(label: string, apply: () => T): Promise<T> =>
    processes.perform(process, { port: 'disk', label, effect: 'write', refused: full, apply });
  const rowsOf = (bytes: Uint8Array | null | undefined, name: string): ItemOutcome[] => {
    const rows = bytes === null || bytes === undefined ? null : decodeRows(bytes);
    if (rows === null) throw new AppError('RESULT_CORRUPT', { message: `${name} is no part` });
    return rows;
  };
  const readRows = (path: string): ItemOutcome[] =>
    rowsOf(path.startsWith(LOCAL_PREFIX) ? store.peek(path.slice(LOCAL_PREFIX.length)) : disk.get(path), path);
  return {
    scratch: {
      check: () => ({ path: '/scratch', source: 'default', fileSystem: 'ext4', network: false, freeBytes: 1e12 }),
      open: (purpose) =>
        call(`open ${purpose}`, () => {
          if (process.node.diskFull) throw full();
          opened += 1;
          const path = `/scratch/${process.pid}-${opened}`;
          return {
            path,
            dispose: () =>
              call(`dispose ${path}`, () => {
                for (const name of disk.keys()) if (name.startsWith(`${path}/`)) disk.delete(name);
              }),
          };
        }),
    },
    resultFiles: {
      create: (path) => createResultFile(process, (bytes) => write(path, bytes)),
      openSealed: (path) => sealedFile(readRows(path)),
      openBytes: (bytes, name) => sealedFile(rowsOf(bytes, name)),
    },
    leafParts: {
      write: (path, outcomes) =>
        call(`leaf part ${path}`, () => {
          const rows = [...outcomes];
          write(path, encodeRows(rows));
          return { rows: rows.length };
        }),
    },
    columnar: {
      merge: ({ inputs, output, to }) =>
        call(`merge ${inputs.length} parts to ${to}`, (): MergedFile => {
          const all = inputs.flatMap(readRows).toSorted(byIndex);
          const rows = to === 'errors' ? all.filter(({ status }) => status === 'failed') : all;
          const bytes = encodeRows(rows);
          write(output, bytes);
          const firstItem = rows[0]?.itemIndex ?? 0;
          return {
            rows: rows.length,
            failed: rows.filter(({ status }) => status === 'failed').length,
            firstItem,
            contiguous: rows.every((row, at) => row.itemIndex === firstItem + at),
            bytes: bytes.length,
            sha256: sha256(bytes),
          };
        }),
      query: (request) =>
        call('query errors', () => ({ columns: [], rows: errorRows(request, readRows), close: closed })),
      close: () => Promise.resolve(),
    },
  };
}

const closed = (): Promise<void> => Promise.resolve();

/** The one statement that a room under simulation has: the rows of a published errors file, in order. */
async function* errorRows(
  { views }: QueryRequest,
  readRows: (path: string) => ItemOutcome[],
): AsyncGenerator<(readonly unknown[])[]> {
  for (const { itemIndex, itemId, cause, errorClass, errorMessage } of readRows(views['errors'] ?? ''))
    yield [[itemIndex, itemId, cause, errorClass, errorMessage]];
}

const sealedFile = (rows: readonly ItemOutcome[]): SealedResultFile => ({
  count: () => countOf(rows),
  byIndex: () => rows,
  close: () => undefined,
});

const countOf = (rows: readonly ItemOutcome[]): ReturnType<SealedResultFile['count']> => {
  const failed = rows.filter(({ status }) => status === 'failed').length;
  return { rows: rows.length, succeeded: rows.length - failed, failed };
};

function createResultFile(process: SimProcess, write: (bytes: Uint8Array) => void): ResultFile {
  const rows: ItemOutcome[] = [];
  const indices = new Set<number>();
  let open = true;
  return {
    append(outcomes) {
      if (!open) throw new Error('append to a closed result file');
      if (process.node.diskFull) throw full();
      for (const { itemIndex } of outcomes)
        if (indices.has(itemIndex)) throw new Error(`item ${itemIndex} has an outcome already`);
      for (const outcome of outcomes) {
        indices.add(outcome.itemIndex);
        rows.push(outcome);
      }
    },
    rowsSince(afterRow, mostChars = Infinity) {
      let end = afterRow;
      for (let chars = 0; end < rows.length && chars < mostChars; end += 1) chars += rows[end]?.output?.length ?? 0;
      return rows.slice(afterRow, end);
    },
    byIndex: () => rows.toSorted(byIndex),
    count: () => countOf(rows),
    seal() {
      write(encodeRows(rows.toSorted(byIndex)));
      open = false;
    },
    discard: () => {
      open = false;
    },
  };
}
