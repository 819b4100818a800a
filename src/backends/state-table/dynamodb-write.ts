import type { StateKey } from '../../domain/state-keys.ts';
import { AppError, isAppError, messageOf } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids, Random } from '../../ports/random.ts';
import type { StateChange, StateCondition, StateItem, WriteResult } from '../../ports/state-table.ts';
import { AmbiguousWrite } from '../shared/aws/call.ts';
import { type Attributes, assertSize, decodeItem, WRITTEN_BY } from './dynamodb-attributes.ts';
import { checkedLength, compileChange, compileCondition, createPlaceholders } from './dynamodb-expression.ts';
import type { ConditionalAnswer, DynamoRequests } from './dynamodb-requests.ts';
import { ABSENT, demandsAbsence, guardText, type SeenVersions, type Version, versionOf } from './dynamodb-version.ts';
import { assertChange, evaluate } from './operation-tree.ts';

/** 60 bits: a nonce has to differ from every other that the same item ever has. */
export const NONCE_LENGTH = 12;
const PATIENCE_MS = 20_000;
/** Lost races taken up again at once, and the longest pause before later ones, milliseconds. */
const EAGER_TRIES = 2;
const MAX_RACE_PAUSE_MS = 40;
const MAX_LOST_PAUSE_MS = 1_000;

export interface DynamoTable {
  readonly requests: DynamoRequests;
  readonly seen: SeenVersions;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
}

interface Write {
  readonly key: StateKey;
  readonly change: StateChange;
  readonly when: StateCondition;
  readonly nonce: string;
}

/**
 * Applies a change at most once; why it is at most once stands in dynamodb.ts.
 * @throws STATE_UNCERTAIN, STATE_UNAVAILABLE after 20 s of losing against others, Error (a bug) for wrong use
 */
export async function writeItem(
  table: DynamoTable,
  { key, change, when }: { readonly key: StateKey; readonly change: StateChange; readonly when: StateCondition },
): Promise<WriteResult> {
  assertChange(change);
  const { seen, clock } = table;
  const write: Write = { key, change, when, nonce: table.ids.token(NONCE_LENGTH) };
  const startMs = clock.monotonicMs();
  let version = firstVersion(table, write);
  if (version === null) {
    const current = await look(table, key);
    if (!evaluate(when, itemOf(current))) return { applied: false, current: itemOf(current) };
    version = versionOf(current);
  }
  /** Why nobody knows whether a try that replaces `version` was applied; null when there is no such try. */
  let doubt: Error | null = null;
  for (let tries = 1; ; tries += 1) {
    const answer: ConditionalAnswer | AmbiguousWrite = await orUncertain(key, doubt, sendTry(table, write, version));
    const refused = !(answer instanceof AmbiguousWrite);
    if (!refused) doubt = answer;
    else if (answer.applied) return applied(table, key, answer.attributes);
    const old = refused ? answer.old : null;
    const found = old ?? (await orUncertain(key, doubt, look(table, key)));
    const foundVersion = versionOf(found);
    if (foundVersion === write.nonce && found !== null) return applied(table, key, found);
    seen.set(key, foundVersion);
    if (foundVersion === version) {
      // The condition is false for this version and the guard for all others: no earlier try can be applied any more.
      if (refused) return { applied: false, current: itemOf(found) };
    } else {
      // Either somebody else replaced the version, or a try of this write did and was replaced in turn.
      if (doubt !== null) throw uncertain(key, doubt);
      if (!evaluate(when, itemOf(found))) return { applied: false, current: itemOf(found) };
      version = foundVersion;
    }
    await pause(table, write, { tries, doubt, startMs });
  }
}

/** The version that the first try replaces; null when it is not known, or when looking is enough because the condition never holds. */
function firstVersion({ seen }: DynamoTable, { key, when }: Write): Version | null {
  if (compileCondition(when, createPlaceholders()) === false) return null;
  return demandsAbsence(when) ? ABSENT : (seen.get(key) ?? null);
}

async function sendTry(
  { requests }: DynamoTable,
  { key, change, when, nonce }: Write,
  version: Version,
): Promise<ConditionalAnswer | AmbiguousWrite> {
  const to = createPlaceholders();
  const update = compileChange(change, { [WRITTEN_BY]: nonce }, to);
  const condition = compileCondition(when, to);
  const guard = guardText(version, to);
  assertSize(key, to.values);
  try {
    const expression = typeof condition === 'boolean' ? guard : `(${condition}) AND ${guard}`;
    return await requests.update(key, { update, condition: checkedLength(expression), placeholders: to });
  } catch (error) {
    if (error instanceof AmbiguousWrite) return error;
    throw error;
  }
}

export async function look({ requests, seen }: DynamoTable, key: StateKey): Promise<Attributes | null> {
  const found = await requests.get(key);
  seen.set(key, versionOf(found));
  return found;
}

export const itemOf = (attributes: Attributes | null): StateItem | null =>
  attributes === null ? null : decodeItem(attributes);

function applied({ seen }: DynamoTable, key: StateKey, attributes: Attributes): WriteResult {
  seen.set(key, versionOf(attributes));
  return { applied: true, item: decodeItem(attributes) };
}

/** While there is doubt, a failure of whatever was to settle it leaves the write uncertain. */
async function orUncertain<T>(key: StateKey, doubt: Error | null, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw doubt !== null && isAppError(error) ? uncertain(key, error) : error;
  }
}

async function pause(
  { clock, random }: DynamoTable,
  { key }: Write,
  { tries, doubt, startMs }: { readonly tries: number; readonly doubt: Error | null; readonly startMs: number },
): Promise<void> {
  if (clock.monotonicMs() - startMs > PATIENCE_MS) {
    if (doubt !== null) throw uncertain(key, doubt);
    throw new AppError('STATE_UNAVAILABLE', {
      message: `state item ${nameOf(key)} is being written by too many others at once`,
    });
  }
  const capMs = doubt === null ? Math.min(2 * tries, MAX_RACE_PAUSE_MS) : Math.min(10 * 2 ** tries, MAX_LOST_PAUSE_MS);
  if (tries > EAGER_TRIES) await clock.sleep(random.next() * capMs);
}

/** The write may have been applied; only reading back can tell. */
export function uncertain(key: StateKey, cause: Error): AppError {
  const why = cause instanceof AmbiguousWrite ? (cause.cause ?? cause) : cause;
  return new AppError('STATE_UNCERTAIN', {
    message: `cannot tell whether the write of ${nameOf(key)} was applied: ${messageOf(why)}`,
    cause,
  });
}

const nameOf = ({ partition, sort }: StateKey): string => `${partition}/${sort}`;
