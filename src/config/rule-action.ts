import type { RuleAction } from '../domain/retry-rules.ts';
import { RAISE_SCHEMA, readRaise } from './raise-type.ts';
import { describeFound, shorten, type Located, type LocatedMap } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { choice, wholeNumber } from './plain-types.ts';
import { backoffRange, byteSize, duration } from './unit-types.ts';
import { unexpected, type JsonSchema, type ReadContext } from './value-type.ts';

const MIB = 1024 ** 2;
const ACTIONS = ['retry', 'escalate', 'fail'] as const;
type Action = (typeof ACTIONS)[number];

/** Keys beside `when` and `do`, by the actions they go with. */
const KEYS: Readonly<Record<string, readonly Action[]>> = {
  memory: ['escalate'],
  time: ['escalate'],
  max: ['escalate'],
  times: ['escalate', 'retry'],
  backoff: ['escalate', 'retry'],
};
const DEFAULT_ESCALATIONS = 2;

const action = choice(ACTIONS);
const times = wholeNumber({ min: 1, max: 100 });
const backoff = backoffRange();
const size = byteSize({ min: MIB, max: 64 * MIB ** 2 });
const time = duration({ minMs: 1_000 });

export const ACTION_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  do: action.schema,
  memory: RAISE_SCHEMA,
  time: RAISE_SCHEMA,
  max: {
    anyOf: [
      { type: 'string' },
      { type: 'object', additionalProperties: false, properties: { memory: size.schema, time: time.schema } },
    ],
  },
  times: times.schema,
  backoff: backoff.schema,
};

/** What a rule does; undefined after telling every problem with it. */
export function readAction(rule: LocatedMap, context: ReadContext): RuleAction | undefined {
  const at = (key: string): Located | undefined => rule.entries.get(key)?.value;
  let sound = true;
  const named = at('do');
  const word = named === undefined ? undefined : action.read(named, context);
  if (named === undefined) context.problem('found a rule without `do`, expected retry, escalate or fail', { at: rule });
  for (const [key, entry] of rule.entries) {
    if (key === 'when' || key === 'do') continue;
    const allowed = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (allowed !== undefined && (word === undefined || allowed.includes(word))) continue;
    sound = false;
    if (allowed === undefined)
      context.problem(`unknown key \`${shorten(key)}\` in a rule`, {
        at: entry.keyPlace,
        hint: suggestOneOf(key, ['when', 'do', ...Object.keys(KEYS)]),
      });
    else
      context.problem(`found \`${key}\` in a rule that does ${word}, expected it with ${allowed.join(' or ')}`, {
        at: entry.keyPlace,
        hint: allowed.length === 1 ? `Write do: ${allowed[0]}` : `Drop \`${key}\``,
      });
  }
  const read = <T>(key: string, how: (value: Located) => T | undefined): T | undefined => {
    const value = at(key);
    if (value === undefined) return undefined;
    const found = how(value);
    if (found === undefined) sound = false;
    return found;
  };
  const parts = {
    times: read('times', (value) => times.read(value, context)),
    backoff: read('backoff', (value) => backoff.read(value, context)),
    memory: read('memory', (value) => readRaise(value, size, { context, example: '+4G' })),
    time: read('time', (value) => readRaise(value, time, { context, example: '+30m' })),
    max: word === 'escalate' ? read('max', (value) => readMax(value, rule, context)) : {},
  };
  return word === undefined || !sound ? undefined : actionOf(word, parts, { rule, context });
}

interface Parts {
  readonly times: number | undefined;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number } | undefined;
  readonly memory: ReturnType<typeof readRaise>;
  readonly time: ReturnType<typeof readRaise>;
  readonly max: Bounds | undefined;
}

interface Bounds {
  readonly maxMemoryBytes?: number;
  readonly maxTimeMs?: number;
}

function actionOf(
  word: Action,
  { memory, time: longer, max, ...rest }: Parts,
  { rule, context }: { readonly rule: LocatedMap; readonly context: ReadContext },
): RuleAction | undefined {
  if (word === 'fail') return { do: 'fail' };
  const wait = rest.backoff === undefined ? {} : { backoff: rest.backoff };
  if (word === 'retry') return { do: 'retry', ...wait, ...(rest.times === undefined ? {} : { times: rest.times }) };
  if (memory === undefined && longer === undefined)
    return context.problem('found an escalation without `memory` and `time`, expected at least one of them', {
      at: rule,
      hint: 'Add memory: x1.5 or time: x2',
    });
  return {
    do: 'escalate',
    ...(memory === undefined ? {} : { memory }),
    ...(longer === undefined ? {} : { time: longer }),
    ...max,
    times: rest.times ?? DEFAULT_ESCALATIONS,
    ...wait,
  };
}

/** A size or a duration, whichever the rule raises; with both, a group with one for each. */
function readMax(value: Located, rule: LocatedMap, context: ReadContext): Bounds | undefined {
  const raised = ['memory', 'time'].filter((key) => rule.entries.has(key));
  if (value.kind === 'map') return readBounds(value, raised, context);
  if (raised.length === 2) return unexpected(value, 'one bound for each: {memory: 64G, time: 12h}', { context });
  return raised[0] === 'time' ? bound('time', value, context) : bound('memory', value, context);
}

function readBounds(value: LocatedMap, raised: readonly string[], context: ReadContext): Bounds | undefined {
  const all: (Bounds | undefined)[] = [];
  for (const [key, entry] of value.entries)
    all.push(
      raised.includes(key)
        ? bound(key, entry.value, context)
        : context.problem(
            `found \`${shorten(key)}\` in max (${describeFound(entry.value)}), expected ${raised.join(' and ')}`,
            {
              at: entry.keyPlace,
            },
          ),
    );
  return all.includes(undefined) ? undefined : Object.assign({}, ...all);
}

function bound(key: string, value: Located, context: ReadContext): Bounds | undefined {
  const found = (key === 'time' ? time : size).read(value, context);
  if (found === undefined) return undefined;
  return key === 'time' ? { maxTimeMs: found } : { maxMemoryBytes: found };
}
