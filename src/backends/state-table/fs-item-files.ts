import { createHash } from 'node:crypto';
import { join } from 'node:path';

import type { StateKey } from '../../domain/state-keys.ts';
import { encodeName } from '../shared/fs-names.ts';

/** Where the files of an item lie and what their names start with. */
export interface ItemPlace {
  readonly key: StateKey;
  readonly directory: string;
  readonly name: string;
}

/** Sub-directories of a partition: some 32 items each in a full shard of 2,000. */
const BUCKETS = 64;

/** `<root>/<2 hex>/<partition>`: spread, so that thousands of jobs do not share one directory. */
export const partitionDirectory = (root: string, partition: string): string =>
  join(root, hashByte(partition).toString(16).padStart(2, '0'), encodeName(partition));

export const placeOf = (root: string, key: StateKey): ItemPlace => ({
  key,
  directory: join(partitionDirectory(root, key.partition), bucketName(key.sort)),
  name: encodeName(key.sort),
});

const bucketName = (sort: string): string => (hashByte(sort) % BUCKETS).toString(16).padStart(2, '0');

export const isBucketName = (name: string): boolean => /^[0-9a-f]{2}$/.test(name);

const hashByte = (text: string): number => createHash('sha256').update(text).digest()[0] as number;

/** Names of an item's files; what each is for stands in fs.ts. */
export const anchorName = (name: string): string => `${name}+`;
export const provisionalName = (name: string, nonce: string): string => `${name}~${nonce}`;
export const headName = (name: string, version: number, nonce: string): string => `${name}@${version}.${nonce}`;
/** Version 0 has no data file of its own: the head still is the file that was created. */
export const dataName = (name: string, version: number, nonce: string): string =>
  version === 0 ? headName(name, version, nonce) : `${name}=${version}.${nonce}`;

type ItemFile =
  | { readonly kind: 'anchor'; readonly name: string }
  | { readonly kind: 'provisional'; readonly name: string }
  | { readonly kind: 'head' | 'data'; readonly name: string; readonly version: number; readonly nonce: string };

/** What a directory entry is; null for foreign ones (`.nfs…`). */
export function parseFileName(fileName: string): ItemFile | null {
  const match = /^([A-Za-z0-9#_%-]+)(?:(\+)|~[0-9a-z]+|([@=])(\d+)\.([0-9a-z]+))$/.exec(fileName);
  if (match === null) return null;
  const [, name, anchor, kind, version, nonce] = match as unknown as [string, string, ...(string | undefined)[]];
  if (anchor !== undefined) return { kind: 'anchor', name };
  if (kind === undefined || version === undefined || nonce === undefined) return { kind: 'provisional', name };
  return { kind: kind === '@' ? 'head' : 'data', name, version: Number(version), nonce };
}

/** What a look at the directory says about one item. */
interface ItemView {
  /** The item was created at some time. */
  exists: boolean;
  head: { readonly version: number; readonly nonce: string } | null;
  /** Data and provisional files. */
  readonly others: string[];
}

/** The items among the entries of a bucket; with `only`, just the one whose encoded name that is. */
export function viewsOf(fileNames: readonly string[], only?: string): Map<string, ItemView> {
  const views = new Map<string, ItemView>();
  for (const fileName of fileNames) {
    if (only !== undefined && !fileName.startsWith(only)) continue;
    const file = parseFileName(fileName);
    if (file === null || (only !== undefined && file.name !== only)) continue;
    const view = views.get(file.name) ?? { exists: false, head: null, others: [] };
    views.set(file.name, view);
    if (file.kind === 'anchor') view.exists = true;
    else if (file.kind !== 'head') view.others.push(fileName);
    // While a head moves, one look may meet it under both of its names.
    else if (view.head === null || view.head.version < file.version) view.head = file;
  }
  return views;
}

/** Entries that no writer can turn into the item any more, given that this head was seen: see "Cleaning up" in fs.ts. */
export function supersededBy(view: ItemView, name: string): string[] {
  const head = view.head;
  if (head === null) return [];
  const live = dataName(name, head.version, head.nonce);
  return view.others.filter((fileName) => {
    const file = parseFileName(fileName);
    return file?.kind === 'provisional' || (file?.kind === 'data' && file.version <= head.version && fileName !== live);
  });
}
