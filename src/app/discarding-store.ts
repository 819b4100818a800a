import { createHash } from 'node:crypto';
import type { ObjectBody, ObjectStore, StoredObject } from '../ports/object-store.ts';

/** A store for rehearsals: `plan` splits the input through the real code and keeps nothing. Reading from it is a bug. */
export function createDiscardingStore(): ObjectStore {
  const unreadable = (): never => {
    throw new Error('a rehearsal reads nothing back');
  };
  return {
    rootUrl: 'discard:',
    async put(key, body): Promise<StoredObject> {
      return { key, bytes: await sizeOf(body), sha256: createHash('sha256').digest('hex') };
    },
    putFile: unreadable,
    get: unreadable,
    stream: unreadable,
    getRange: unreadable,
    getFile: unreadable,
    head: unreadable,
    list: unreadable,
    delete: async () => undefined,
    deletePrefix: async () => undefined,
    url: (key) => `discard:${key}`,
    localPath: () => null,
  };
}

async function sizeOf(body: ObjectBody): Promise<number> {
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.byteLength;
  return bytes;
}
