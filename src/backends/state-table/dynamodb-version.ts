/** Which version of an item a write replaces. */

import type { StateKey } from '../../domain/state-keys.ts';
import type { StateCondition } from '../../ports/state-table.ts';
import { type Attributes, PARTITION_KEY, WRITTEN_BY } from './dynamodb-attributes.ts';
import type { Placeholders } from './dynamodb-expression.ts';

/** The nonce of the write that made the version, or one of the two words below, which no nonce is. */
export type Version = string;
export const ABSENT: Version = '(absent)';
/** An item that something else than this driver made. */
const UNSIGNED: Version = '(unsigned)';

const MAX_REMEMBERED = 20_000;

export const versionOf = (attributes: Attributes | null): Version =>
  attributes === null ? ABSENT : (attributes[WRITTEN_BY]?.S ?? UNSIGNED);

/** Condition that the item is at that version. */
export function guardText(version: Version, to: Placeholders): string {
  if (version === ABSENT) return `attribute_not_exists(${to.own(PARTITION_KEY)})`;
  if (version === UNSIGNED)
    return `attribute_exists(${to.own(PARTITION_KEY)}) AND attribute_not_exists(${to.own(WRITTEN_BY)})`;
  return `${to.own(WRITTEN_BY)} = ${to.value(version)}`;
}

/** True for conditions that only an absent item fulfils, so that nobody has to look which version there is. */
export const demandsAbsence = (condition: StateCondition): boolean =>
  condition.op === 'item-absent' || (condition.op === 'and' && condition.of.some(demandsAbsence));

/** Versions as this process last saw them. One that is out of date costs a request and nothing else. */
export interface SeenVersions {
  get(key: StateKey): Version | undefined;
  set(key: StateKey, version: Version): void;
  forget(key: StateKey): void;
}

export function createSeenVersions(): SeenVersions {
  const seen = new Map<string, Version>();
  const nameOf = ({ partition, sort }: StateKey): string => `${partition.length} ${partition}${sort}`;
  return {
    get: (key) => seen.get(nameOf(key)),
    set(key, version) {
      const name = nameOf(key);
      // Behind all others: the first entry is the one that was longest not seen.
      seen.delete(name);
      seen.set(name, version);
      if (seen.size > MAX_REMEMBERED) for (const oldest of seen.keys()) return void seen.delete(oldest);
    },
    forget(key) {
      seen.delete(nameOf(key));
    },
  };
}
