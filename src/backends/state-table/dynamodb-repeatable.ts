/** Writes that may be applied more than once: one request, and no race against the others that write the item. */

import type { StateKey } from '../../domain/state-keys.ts';
import type { StateChange, StateCondition, WriteResult } from '../../ports/state-table.ts';
import { AmbiguousWrite } from '../shared/aws/call.ts';
import { assertSize, decodeItem, WRITTEN_BY } from './dynamodb-attributes.ts';
import { checkedLength, compileChange, compileCondition, createPlaceholders } from './dynamodb-expression.ts';
import type { UpdateExpressions } from './dynamodb-requests.ts';
import { versionOf } from './dynamodb-version.ts';
import { type DynamoTable, itemOf, look, NONCE_LENGTH, uncertain } from './dynamodb-write.ts';
import { assertChange } from './operation-tree.ts';

/**
 * Applies a change at least once when it says so, under the caller's condition alone. A lost answer is not read back: the write is sent again.
 * Should the item then bear the nonce of one of the tries, that try was applied and the item is what it made.
 * @throws STATE_UNCERTAIN, STATE_UNAVAILABLE, other AppErrors by kind, Error (a bug) for wrong use
 */
export async function writeRepeatably(
  table: DynamoTable,
  { key, change, when }: { readonly key: StateKey; readonly change: StateChange; readonly when: StateCondition },
): Promise<WriteResult> {
  assertChange(change);
  const { requests, seen, ids } = table;
  if (compileCondition(when, createPlaceholders()) === false)
    return { applied: false, current: itemOf(await look(table, key)) };
  const nonces: string[] = [];
  const next = (): UpdateExpressions => {
    const nonce = ids.token(NONCE_LENGTH);
    nonces.push(nonce);
    const to = createPlaceholders();
    const update = compileChange(change, { [WRITTEN_BY]: nonce }, to);
    const condition = compileCondition(when, to);
    assertSize(key, to.values);
    return {
      update,
      ...(typeof condition === 'boolean' ? {} : { condition: checkedLength(condition) }),
      placeholders: to,
    };
  };
  const answer = await requests.updateAgain(key, next).catch((error: unknown) => {
    throw error instanceof AmbiguousWrite ? uncertain(key, error) : error;
  });
  const found = answer.applied ? answer.attributes : (answer.old ?? (await look(table, key)));
  seen.set(key, versionOf(found));
  const isOwn = answer.applied || nonces.includes(versionOf(found));
  return isOwn && found !== null
    ? { applied: true, item: decodeItem(found) }
    : { applied: false, current: itemOf(found) };
}
