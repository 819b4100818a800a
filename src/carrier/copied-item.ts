/**
 * What a carrier writes over what it saw; pure. Every copied item counts its changes in an attribute of its own. A carrier reads the copy first
 * and the truth afterwards, and writes only while that count is unchanged. So each version of the copy was read from the truth later than the one
 * before it: copies only move forward, whoever carries, however long he slept, and whatever the item means.
 */
import { canonicalJson } from '../domain/canonical-json.ts';
import type { StateChange, StateCondition, StateItem } from '../ports/state-table.ts';

/** Number of times carriers have written the item. */
export const COPIES = 'copies';

/** A copied item as it was read. */
export interface Seen {
  readonly item: StateItem;
  /** Null: the item was not written by a carrier. */
  readonly copies: number | null;
}

/** Null when there is no copy yet. */
export function seenOf(stored: StateItem | null): Seen | null {
  if (stored === null) return null;
  const { [COPIES]: copies, ...item } = stored;
  return { item, copies: typeof copies === 'number' ? copies : null };
}

export const isSameItem = (seen: Seen | null, truth: StateItem): boolean =>
  seen !== null && canonicalJson(seen.item) === canonicalJson(truth);

/** The first copy of an item. */
export const firstCopy = (truth: StateItem): StateItem => ({ ...truth, [COPIES]: 1 });

/** The write that makes the copy equal to the truth, unless somebody else has written the copy since it was seen. */
export function copyWrite(
  seen: Seen | null,
  truth: StateItem,
): { readonly change: StateChange; readonly when: StateCondition } {
  if (seen === null) return { change: { set: firstCopy(truth) }, when: { op: 'item-absent' } };
  const changed = Object.entries(truth).filter(
    ([name, value]) => !Object.hasOwn(seen.item, name) || canonicalJson(seen.item[name]) !== canonicalJson(value),
  );
  const remove = Object.keys(seen.item).filter((name) => !Object.hasOwn(truth, name));
  return {
    change: {
      set: { ...Object.fromEntries(changed), [COPIES]: (seen.copies ?? 0) + 1 },
      ...(remove.length === 0 ? {} : { remove }),
    },
    when:
      seen.copies === null
        ? {
            op: 'and',
            of: [{ op: 'item-present' }, { op: 'absent', path: COPIES }],
          }
        : { op: 'equals', path: COPIES, value: seen.copies },
  };
}
