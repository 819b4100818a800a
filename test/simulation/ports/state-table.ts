/** A state table in memory: linearizable writes, everything else as the contract allows it to be. */
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import type { StateKey } from '../../../src/domain/state-keys.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { NewItem, StateChange, StateCondition, StateItem, StateTable } from '../../../src/ports/state-table.ts';
import type { Processes, SimProcess } from '../core/processes.ts';
import { LATE_DELETE_MS } from './object-store.ts';

/** A change of an item, told to those who watch. `after` is null for a deletion. */
export interface StateEvent {
  readonly process: SimProcess;
  readonly key: StateKey;
  readonly before: StateItem | null;
  readonly after: StateItem | null;
  readonly change: StateChange | null;
}

interface Stored {
  readonly item: StateItem;
  /** Number of the request that wrote it: a repetition of that very request is recognised and refused, as drivers do by a nonce. */
  readonly writtenBy: number;
}

export interface SimStateTable {
  portOf(process: SimProcess): StateTable;
  /** For invariants: the item as it is. */
  peek(key: StateKey): StateItem | null;
  peekAll(partition: string): { readonly sort: string; readonly item: StateItem }[];
  partitions(): string[];
}

const idOf = ({ partition, sort }: StateKey): string => `${partition}/${sort}`;
const unavailable = (): AppError => new AppError('STATE_UNAVAILABLE', { message: 'simulated: no answer' });
const uncertain = (): AppError => new AppError('STATE_UNCERTAIN', { message: 'simulated: no answer to a write' });

/** Rewrites a write before it is evaluated; for proofs that a condition is needed. */
export type WriteRewrite = (
  process: SimProcess,
  key: StateKey,
  write: { readonly change: StateChange; readonly when: StateCondition },
) => { readonly change: StateChange; readonly when: StateCondition };

export function createSimStateTable(options: {
  readonly processes: Processes;
  readonly pageItems: number;
  readonly watch: (event: StateEvent) => void;
  readonly rewrite?: WriteRewrite;
  /** Creates replace what is there; for the same proofs. */
  readonly createsReplace?: boolean;
}): SimStateTable {
  const { processes, watch } = options;
  const partitions = new Map<string, Map<string, Stored>>();
  const stored = ({ partition, sort }: StateKey): Stored | undefined => partitions.get(partition)?.get(sort);
  const peek = (key: StateKey): StateItem | null => stored(key)?.item ?? null;
  const store = (key: StateKey, item: StateItem, writtenBy: number): void => {
    const partition = partitions.get(key.partition) ?? new Map<string, Stored>();
    partitions.set(key.partition, partition);
    partition.set(key.sort, { item, writtenBy });
  };
  const sorts = (partition: string, prefix: string): string[] =>
    [...(partitions.get(partition)?.keys() ?? [])].filter((sort) => sort.startsWith(prefix)).toSorted();
  const remove = (process: SimProcess, key: StateKey): void => {
    const before = peek(key);
    if (before === null) return;
    partitions.get(key.partition)?.delete(key.sort);
    watch({ process, key, before, after: null, change: null });
  };

  const portOf = (process: SimProcess): StateTable => {
    const see = (key: StateKey, item: StateItem | null): StateItem | null => {
      process.seen.set(idOf(key), item);
      return item;
    };
    const writeOnce = (key: StateKey, asked: { change: StateChange; when: StateCondition }, number: number) => {
      const { change, when } = options.rewrite?.(process, key, asked) ?? asked;
      const before = stored(key);
      const isRepetition = before?.writtenBy === number;
      if (isRepetition || !evaluate(when, before?.item ?? null))
        return { applied: false, current: before?.item ?? null } as const;
      const item = applyChange(before?.item ?? null, change);
      store(key, item, number);
      watch({ process, key, before: before?.item ?? null, after: item, change });
      return { applied: true, item } as const;
    };
    return {
      rootUrl: 'file:///state',
      get: (key) =>
        processes.perform(process, {
          port: 'state',
          label: `get ${idOf(key)}`,
          effect: 'read',
          refused: unavailable,
          apply: () => see(key, peek(key)),
          show: (item) => (item === null ? 'absent' : brief(item)),
        }),
      async *query(partition, prefix = '') {
        let last = '';
        for (;;) {
          const page = await processes.perform(process, {
            port: 'state',
            label: `query ${partition}/${prefix}${last === '' ? '' : ` after ${last}`}`,
            effect: 'read',
            refused: unavailable,
            apply: () =>
              sorts(partition, prefix)
                .filter((sort) => sort > last)
                .slice(0, options.pageItems)
                .map((sort) => {
                  const key = { partition, sort };
                  return { sort, item: see(key, peek(key)) as StateItem };
                }),
            show: (items) => items.map(({ sort, item }) => `${sort} ${brief(item)}`).join(', '),
          });
          yield* page;
          const end = page.at(-1);
          if (end === undefined || page.length < options.pageItems) return;
          last = end.sort;
        }
      },
      write: (key, change, when) =>
        processes.perform(process, {
          port: 'state',
          label: `write ${idOf(key)} ${JSON.stringify(change)}`,
          effect: 'write',
          refused: unavailable,
          uncertain,
          apply: ({ number }) => {
            const result = writeOnce(key, { change, when }, number);
            see(key, result.applied ? result.item : result.current);
            return result;
          },
          again: ({ number }) => void writeOnce(key, { change, when }, number),
          show: (result) =>
            result.applied ? 'applied' : `REFUSED, it is ${result.current === null ? 'absent' : brief(result.current)}`,
        }),
      async createMany(items) {
        let created = 0;
        for await (const batch of chunksOf(items, 4))
          created += await processes.perform(process, {
            port: 'state',
            label: `create ${batch.map(({ key }) => idOf(key)).join(' ')}`,
            effect: 'write',
            refused: unavailable,
            uncertain: unavailable,
            apply: ({ number }) => {
              const fresh = batch.filter(({ key }) => options.createsReplace === true || peek(key) === null);
              for (const { key, item } of fresh) {
                const before = peek(key);
                store(key, structuredClone(item), number);
                watch({ process, key, before, after: item, change: null });
              }
              return fresh.length;
            },
            show: (count) => `${count} created`,
          });
        return created;
      },
      deletePartition: (partition) =>
        processes.perform(process, {
          port: 'state',
          label: `delete ${partition}/*`,
          effect: 'write',
          refused: unavailable,
          uncertain: unavailable,
          lateMs: LATE_DELETE_MS,
          apply: () => {
            for (const sort of sorts(partition, '')) remove(process, { partition, sort });
          },
        }),
      deleteItem: (key) =>
        processes.perform(process, {
          port: 'state',
          label: `delete ${idOf(key)}`,
          effect: 'write',
          refused: unavailable,
          uncertain: unavailable,
          lateMs: LATE_DELETE_MS,
          apply: () => remove(process, key),
        }),
    };
  };
  return {
    portOf,
    peek,
    peekAll: (partition) =>
      sorts(partition, '').map((sort) => ({ sort, item: peek({ partition, sort }) as StateItem })),
    partitions: () => [...partitions.keys()],
  };
}

/** The fields of an item that tell a story. */
function brief(item: StateItem): string {
  const shown = ['state', 'stage', 'owner', 'attempts', 'charged', 'fence', 'wave', 'cause', 'notBeforeMs', 'handle'];
  const parts = shown.filter((name) => item[name] !== undefined).map((name) => `${name}=${JSON.stringify(item[name])}`);
  return `{${parts.join(' ')}}`;
}

async function* chunksOf(items: AsyncIterable<NewItem> | Iterable<NewItem>, size: number): AsyncGenerator<NewItem[]> {
  let chunk: NewItem[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
