/** An object store in memory. Objects become visible whole or not at all; an upload that was cut off leaves nothing. */
import { createHash } from 'node:crypto';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ObjectBody, ObjectStore, ReadOptions, StoredObject } from '../../../src/ports/object-store.ts';
import type { PortName } from '../core/weather.ts';
import type { PortCall, Processes, SimProcess } from '../core/processes.ts';

export interface StoreEvent {
  readonly process: SimProcess;
  readonly kind: 'put' | 'delete';
  readonly key: string;
  /** Before the change; null: there was none. */
  readonly before: Uint8Array | null;
  /** What it replaces was damaged by the simulator. */
  readonly repairs: boolean;
}

export interface SimObjectStore {
  portOf(process: SimProcess): ObjectStore;
  peek(key: string): Uint8Array | null;
  keys(prefix: string): string[];
  /** Damages an object; false when there is none. */
  corrupt(key: string): boolean;
  isCorrupt(key: string): boolean;
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** A deletion has no condition, and nothing could stand one that comes minutes later. */
export const LATE_DELETE_MS = 1_000;

/** Paths of objects that are local files start like this. */
export const LOCAL_PREFIX = '/objects/';

const unavailable = (): AppError => new AppError('STORE_UNAVAILABLE', { message: 'simulated: no answer' });

export function createSimObjectStore(options: {
  readonly processes: Processes;
  readonly watch: (event: StoreEvent) => void;
  /** Objects are plain files that every node can read. */
  readonly isLocal: boolean;
  /** Whose weather it has. */
  readonly port?: PortName;
}): SimObjectStore {
  const { processes, watch } = options;
  const objects = new Map<string, Uint8Array>();
  const damaged = new Set<string>();
  const keys = (prefix: string): string[] => [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  const set = (process: SimProcess, key: string, bytes: Uint8Array): void => {
    const before = objects.get(key) ?? null;
    objects.set(key, bytes);
    watch({ process, kind: 'put', key, before, repairs: damaged.delete(key) });
  };
  const remove = (process: SimProcess, key: string): void => {
    const before = objects.get(key);
    if (before === undefined) return;
    objects.delete(key);
    watch({ process, kind: 'delete', key, before, repairs: false });
  };

  const portOf = (process: SimProcess): ObjectStore => {
    const call = <T>(label: string, effect: 'read' | 'write', apply: () => T, show?: PortCall<T>['show']): Promise<T> =>
      processes.perform(process, {
        port: options.port ?? 'store',
        label,
        effect,
        refused: unavailable,
        apply,
        ...(show === undefined ? {} : { show }),
        again: () => void apply(),
      });
    const read = (key: string, readOptions?: ReadOptions): Uint8Array | null => {
      const bytes = objects.get(key) ?? null;
      if (bytes !== null && readOptions?.sha256 !== undefined && sha256(bytes) !== readOptions.sha256)
        throw new AppError('STORE_CORRUPT', { message: `${key} has another sha-256`, details: { key } });
      return bytes;
    };
    const required = (key: string, readOptions?: ReadOptions): Uint8Array => {
      const bytes = read(key, readOptions);
      if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${key} is missing`, details: { key } });
      return bytes;
    };
    const putBytes = (key: string, bytes: Uint8Array): Promise<StoredObject> => {
      const answer = { key, bytes: bytes.length, sha256: sha256(bytes) };
      return call(
        `put ${key}`,
        'write',
        () => {
          set(process, key, bytes);
          return answer;
        },
        () => `${bytes.length} B`,
      );
    };
    const removal = (label: string, gone: () => readonly string[]): Promise<void> =>
      processes.perform(process, {
        port: options.port ?? 'store',
        label: `delete ${label}`,
        effect: 'write',
        refused: unavailable,
        lateMs: LATE_DELETE_MS,
        apply: () => {
          for (const key of gone()) remove(process, key);
        },
      });
    const sized = (bytes: Uint8Array | null): string => (bytes === null ? 'absent' : `${bytes.length} B`);
    return {
      rootUrl: 'file:///objects',
      put: async (key, body) => putBytes(key, await bytesOf(body)),
      putFile: async (key, path) => {
        const bytes = process.node.disk.get(path);
        if (bytes === undefined) throw new Error(`simulated disk: ${path} does not exist`);
        return putBytes(key, bytes);
      },
      get: (key, readOptions) => call(`get ${key}`, 'read', () => read(key, readOptions), sized),
      async *stream(key, readOptions) {
        const bytes = await call(`stream ${key}`, 'read', () => required(key, readOptions), sized);
        const half = bytes.length >> 1;
        yield bytes.subarray(0, half);
        yield bytes.subarray(half);
      },
      getRange: (key, start, end) => call(`range ${key}`, 'read', () => required(key).subarray(start, end)),
      getFile: (key, path, readOptions) =>
        call(`fetch ${key}`, 'read', () => void process.node.disk.set(path, required(key, readOptions))),
      head: (key) =>
        call(
          `head ${key}`,
          'read',
          () => {
            const bytes = objects.get(key);
            return bytes === undefined ? null : { key, bytes: bytes.length };
          },
          (info) => (info === null ? 'absent' : `${info.bytes} B`),
        ),
      async *list(prefix) {
        yield* await call(`list ${prefix}`, 'read', () =>
          keys(prefix).map((key) => ({ key, bytes: (objects.get(key) as Uint8Array).length })),
        );
      },
      delete: (gone) => removal(gone.join(' '), () => gone),
      deletePrefix: (prefix) => removal(`${prefix}*`, () => keys(prefix)),
      url: (key) => `file:///objects/${key}`,
      localPath: (key) => (options.isLocal ? `${LOCAL_PREFIX}${key}` : null),
    };
  };
  return {
    portOf,
    keys,
    peek: (key) => objects.get(key) ?? null,
    isCorrupt: (key) => damaged.has(key),
    corrupt(key) {
      const bytes = objects.get(key);
      if (bytes === undefined || bytes.length === 0) return false;
      const copy = bytes.slice();
      const at = copy.length >> 1;
      copy[at] = (copy[at] as number) ^ 1;
      objects.set(key, copy);
      damaged.add(key);
      return true;
    },
  };
}

async function bytesOf(body: ObjectBody): Promise<Uint8Array> {
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body.slice();
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
