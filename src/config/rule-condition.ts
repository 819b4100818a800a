import { CAUSE_NAMES, type Cause } from '../domain/causes.ts';
import type { RuleCondition } from '../domain/retry-rules.ts';
import { HIGHEST_SIGNAL, SIGNAL_NAMES, signalName, signalNumber } from '../domain/signals.ts';
import { shorten, type Located } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { CONTROL } from './plain-types.ts';
import { unexpected, type JsonSchema, type ReadContext } from './value-type.ts';

const EXPECTED = 'conditions such as {cause: oom} or {exit: [75, 111], error: "*RateLimit*"}';
const LONGEST_PATTERN = 500;

/** One value or a list of them. */
const oneOrMore = (value: JsonSchema): JsonSchema => ({ anyOf: [value, { type: 'array', minItems: 1, items: value }] });

export const CONDITION_SCHEMA: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    cause: oneOrMore({ enum: CAUSE_NAMES }),
    exit: oneOrMore({ type: 'integer', minimum: 1, maximum: 255 }),
    signal: oneOrMore({ anyOf: [{ enum: SIGNAL_NAMES }, { type: 'integer', minimum: 1, maximum: HIGHEST_SIGNAL }] }),
    error: oneOrMore({ type: 'string', minLength: 1, maxLength: LONGEST_PATTERN }),
  },
};

type Reader<T> = (value: Located, context: ReadContext) => T | undefined;

const READERS = {
  cause: readCause,
  exit: readExit,
  signal: readSignal,
  error: readPattern,
} as const satisfies { readonly [K in keyof Required<RuleCondition>]: Reader<string | number> };

/** What stands after `when:`; undefined after telling every problem with it. An empty group matches every failure. */
export function readCondition(value: Located, context: ReadContext): RuleCondition | undefined {
  if (value.kind !== 'map') return unexpected(value, EXPECTED, { context });
  let sound = true;
  const condition: Record<string, readonly unknown[]> = {};
  for (const [key, entry] of value.entries) {
    if (!Object.hasOwn(READERS, key)) {
      context.problem(`unknown condition \`${shorten(key)}\``, {
        at: entry.keyPlace,
        hint: suggestOneOf(key, Object.keys(READERS)),
      });
      sound = false;
      continue;
    }
    const values = readOneOrMore<unknown>(entry.value, READERS[key as keyof typeof READERS], context);
    if (values === undefined) sound = false;
    else condition[key] = values;
  }
  if (!sound) return undefined;
  const found = condition as RuleCondition;
  const impossible = whyImpossible(found);
  return impossible === null
    ? found
    : context.problem(`can never match: ${impossible}`, { at: value, hint: 'Drop one of the two conditions' });
}

function readOneOrMore<T>(value: Located, read: Reader<T>, context: ReadContext): readonly T[] | undefined {
  if (value.kind !== 'list') {
    const one = read(value, context);
    return one === undefined ? undefined : [one];
  }
  if (value.items.length === 0) return unexpected(value, 'at least one value', { context });
  const all = value.items.map((item) => read(item, context));
  return all.includes(undefined) ? undefined : [...new Set(all as T[])];
}

function readCause(value: Located, context: ReadContext): Cause | undefined {
  const found = value.kind === 'scalar' ? value.value : undefined;
  const cause = CAUSE_NAMES.find((each) => each === found);
  if (cause !== undefined) return cause;
  return unexpected(value, 'the name of a cause', {
    context,
    hint: suggestOneOf(typeof found === 'string' ? found : '', CAUSE_NAMES),
  });
}

function readExit(value: Located, context: ReadContext): number | undefined {
  const found = value.kind === 'scalar' ? value.value : undefined;
  if (typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= 255) return found;
  const isQuoted = value.kind === 'scalar' && typeof value.value === 'string' && /^\s*\d+\s*$/.test(value.value);
  return unexpected(value, 'an exit code from 1 to 255', { context, ...(isQuoted ? { hint: 'Drop the quotes' } : {}) });
}

function readSignal(value: Located, context: ReadContext): number | undefined {
  const found = value.kind === 'scalar' ? value.value : undefined;
  const number = typeof found === 'string' ? signalNumber(found) : found;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= HIGHEST_SIGNAL) return number;
  const hint = typeof found === 'string' ? { hint: suggestOneOf(found, SIGNAL_NAMES) } : {};
  return unexpected(value, 'a signal such as SIGSEGV or 11', { context, ...hint });
}

function readPattern(value: Located, context: ReadContext): string | undefined {
  const found = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
  const expected = 'a pattern for error class or message, such as "*RateLimit*"';
  if (found === undefined || found.trim() === '') return unexpected(value, expected, { context });
  if (CONTROL.test(found) || found.length > LONGEST_PATTERN)
    return unexpected(value, `${expected}, of at most ${LONGEST_PATTERN} characters without control characters`, {
      context,
    });
  return found;
}

/** Causes that are never told from how a process ended. */
const WITHOUT_ENDING: readonly Cause[] = [
  'bad-input',
  'bad-output',
  'timeout-item',
  'hung',
  'paused',
  'quota-spent',
  'waiting',
  'lost',
  'unreported',
];
/** Causes that a process has which ends by itself. */
const BY_ITSELF: readonly Cause[] = ['handler-error', 'worker-error'];
/** Shells hand on the death of their child by a signal as 128 + signal. */
const isSignalExit = (exit: number): boolean => exit > 128 && exit <= 128 + HIGHEST_SIGNAL;

/** Why no failure can have all of it; null when one can. */
function whyImpossible({ cause, exit, signal }: RuleCondition): string | null {
  const exits = exit?.filter((code) => signal === undefined || signal.includes(code - 128));
  if (exits?.length === 0) return 'a process ends with an exit code or by a signal';
  if (cause === undefined || (exit === undefined && signal === undefined)) return null;
  if (cause.some((each) => mayEndSo(each, exits, signal))) return null;
  const ending = exit === undefined ? (signal ?? []).map(signalName).join(', ') : `exit ${exit.join(', ')}`;
  return `${cause.join(', ')} never comes with ${ending}`;
}

function mayEndSo(cause: Cause, exits: readonly number[] | undefined, signal: readonly number[] | undefined): boolean {
  if (WITHOUT_ENDING.includes(cause)) return false;
  if (BY_ITSELF.includes(cause)) return signal === undefined && (exits ?? []).some((exit) => !isSignalExit(exit));
  return cause !== 'killed' || exits === undefined || exits.some(isSignalExit);
}
