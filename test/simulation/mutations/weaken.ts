/** What mutations are made of: conditions with parts taken away, and uploads that come late. */
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { StateChange, StateCondition } from '../../../src/ports/state-table.ts';
import type { Mutation } from './mutation.ts';

const ALWAYS: StateCondition = { op: 'not', of: { op: 'present', path: 'never' } };

export type IsPart = (part: StateCondition) => boolean;

/** The condition without the parts of its conjunction for which `isPart` holds. */
function without(when: StateCondition, isPart: IsPart): StateCondition {
  if (isPart(when)) return ALWAYS;
  if (when.op !== 'and') return when;
  return { op: 'and', of: when.of.filter((part) => !isPart(part)).map((part) => without(part, isPart)) };
}

export const on =
  (path: string): IsPart =>
  (part) =>
    'path' in part && part.path === path;

export type IsWrite = (key: { readonly partition: string; readonly sort: string }, change: StateChange) => boolean;

export const isTask: IsWrite = ({ partition }) => partition.includes('#T#');
export const sets = (change: StateChange, name: string): unknown => change.set?.[name];
/** Drops conditions of the writes that `isWrite` picks. */
export const drop = (name: string, isWrite: IsWrite, isPart: IsPart): Mutation => ({
  name,
  rewrite: (_process, key, { change, when }) => ({
    change,
    when: isWrite(key, change) ? without(when, isPart) : when,
  }),
});

/** Puts of matching keys are answered at once and done only after `ms`. */
export const late = (store: ObjectStore, isKey: (key: string) => boolean, pause: () => Promise<void>): ObjectStore => {
  const hash = async (key: string, body: string): Promise<{ key: string; bytes: number; sha256: string }> => {
    const { createHash } = await import('node:crypto');
    return { key, bytes: Buffer.byteLength(body), sha256: createHash('sha256').update(body).digest('hex') };
  };
  return {
    ...store,
    put: (key, body, signal) => {
      if (!isKey(key) || typeof body !== 'string') return store.put(key, body, signal);
      void pause()
        .then(() => store.put(key, body))
        .catch(() => undefined);
      return hash(key, body);
    },
  };
};
