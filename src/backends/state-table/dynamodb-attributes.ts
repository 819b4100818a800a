/**
 * Between JSON values and DynamoDB's. The SDK's own converter (lib-dynamodb) is not used: it refuses integers above 2^53 and turns
 * numbers through formats of its own, while every double has a decimal text of at most 17 digits that reads back as the same double.
 */

import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { StateKey } from '../../domain/state-keys.ts';
import type { StateItem, StateValue } from '../../ports/state-table.ts';
import { assertStateValue } from './operation-tree.ts';

export type Attributes = Record<string, AttributeValue>;

export const PARTITION_KEY = 'pk';
export const SORT_KEY = 'sk';
/** Nonce of the write that made the item what it is. */
export const WRITTEN_BY = '_w';
const EXPIRES = 'ttl';
const RESERVED = new Set([PARTITION_KEY, SORT_KEY, WRITTEN_BY, EXPIRES]);

/** Limits of the service: "Quotas and constraints", DynamoDB developer guide. */
const MAX_ITEM_BYTES = 400 * 1024;
const MAX_PARTITION_KEY_BYTES = 2048;
const MAX_SORT_KEY_BYTES = 1024;
const MIN_MAGNITUDE = 1e-130;
const MAX_MAGNITUDE = 9.999e125;

/** @throws Error (a bug) for keys that DynamoDB does not take */
export function encodeKey({ partition, sort }: StateKey): Attributes {
  return {
    [PARTITION_KEY]: { S: checkedKey(partition, MAX_PARTITION_KEY_BYTES) },
    [SORT_KEY]: { S: checkedKey(sort, MAX_SORT_KEY_BYTES) },
  };
}

export function checkedKey(text: string, maxBytes: number = MAX_PARTITION_KEY_BYTES): string {
  if (text === '' || /\p{Surrogate}/u.test(text) || Buffer.byteLength(text) > maxBytes)
    throw new Error(`${JSON.stringify(text.slice(0, 100))} cannot be a key`);
  return text;
}

/** @throws Error (a bug) for a name that the driver keeps for itself */
export function checkedName(name: string): string {
  if (RESERVED.has(name)) throw new Error(`an attribute must not be named ${JSON.stringify(name)}`);
  return name;
}

/** A complete item as it is stored. @throws Error (a bug) for names kept, values that are not JSON, or 400 KB and more */
export function encodeItem(key: StateKey, item: StateItem, nonce: string): Attributes {
  assertStateValue(item, key.sort);
  const attributes: Attributes = { ...encodeKey(key), [WRITTEN_BY]: { S: nonce } };
  for (const [name, value] of Object.entries(item)) attributes[checkedName(name)] = encodeValue(value);
  assertSize(key, attributes);
  return attributes;
}

/** @throws Error (a bug) when the attributes alone reach the size of no item */
export function assertSize({ partition, sort }: StateKey, attributes: Attributes): void {
  const bytes = bytesOf({ M: attributes });
  if (bytes >= MAX_ITEM_BYTES)
    throw new Error(
      `the state item ${partition}/${sort} would have ${bytes} bytes, DynamoDB's limit is ${MAX_ITEM_BYTES}`,
    );
}

/** The item without what the driver keeps for itself. */
export function decodeItem(attributes: Attributes): StateItem {
  const item: { [name: string]: StateValue } = {};
  for (const [name, value] of Object.entries(attributes)) if (!RESERVED.has(name)) item[name] = decodeValue(value);
  return item;
}

/** @throws Error (a bug) for a number beyond DynamoDB's range. The value is JSON. */
export function encodeValue(value: StateValue): AttributeValue {
  if (typeof value === 'string') return { S: wellFormed(value) };
  if (typeof value === 'number') return { N: encodeNumber(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value === null) return { NULL: true };
  if (isList(value)) return { L: value.map(encodeValue) };
  const map: Attributes = {};
  for (const [name, inner] of Object.entries(value)) map[name] = encodeValue(inner);
  return { M: map };
}

export function decodeValue(value: AttributeValue): StateValue {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  if (value.L !== undefined) return value.L.map(decodeValue);
  if (value.M === undefined)
    throw new Error(`an attribute of type ${Object.keys(value).join()} was not written by slurmctl`);
  const map: { [name: string]: StateValue } = {};
  for (const [name, inner] of Object.entries(value.M)) map[name] = decodeValue(inner);
  return map;
}

/** JavaScript's text of a double is the shortest that reads back as the same; DynamoDB keeps 38 digits. */
function encodeNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (!(magnitude === 0 || (magnitude >= MIN_MAGNITUDE && magnitude <= MAX_MAGNITUDE)))
    throw new Error(`the number ${value} cannot be stored: DynamoDB keeps magnitudes of 1e-130 to 9.99e125`);
  return String(value);
}

/** A text cut in the middle of a character has half of it at the end, which UTF-8 cannot express. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

const isList = (value: readonly StateValue[] | StateItem): value is readonly StateValue[] => Array.isArray(value);

/** Size as the service counts it: "Item sizes and formats", DynamoDB developer guide. */
function bytesOf(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.L !== undefined) return value.L.reduce((sum, inner) => sum + 1 + bytesOf(inner), 3);
  if (value.M === undefined) return 1;
  return Object.entries(value.M).reduce((sum, [name, inner]) => sum + 1 + Buffer.byteLength(name) + bytesOf(inner), 3);
}
