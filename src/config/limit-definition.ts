import { graceMs } from '../domain/limit-bounds.ts';
import { formatAmount, GRACE_MS, QUOTA_WORDS } from '../domain/limit-rate.ts';
import { STORE_LIMIT, type LimitDefinition, type LimitQuota, type LimitRate, type LimitUnit } from '../domain/limit.ts';
import { formatDuration } from '../domain/units.ts';
import { limitAmount, limitRate, timeZone, unitNameProblem } from './limit-values.ts';
import { shorten, type Located, type LocatedMap } from './located.ts';
import { nearMiss } from './near-miss.ts';
import { choice } from './plain-types.ts';
import { duration } from './unit-types.ts';
import { unexpected, type JsonSchema, type ReadContext, type ValueType } from './value-type.ts';

const QUOTAS = { hourly: 'hour', daily: 'day', monthly: 'month' } as const;
const QUOTA_KEYS = Object.keys(QUOTAS) as (keyof typeof QUOTAS)[];
/** Keys of a definition that are not the rate of a unit. */
const DEFINITION_KEYS = ['rate', 'burst', ...QUOTA_KEYS, 'zone', 'mode'] as const;
/** Keys of a limit in a job file that say how the job uses it. */
const USE_KEYS = ['name', 'cost', 'per'] as const;
const KEYS: readonly string[] = [...USE_KEYS, ...DEFINITION_KEYS];

const rate = limitRate();
const amount = limitAmount();
const zone = timeZone();
const mode = choice(['statistical', 'hard']);
const burst = duration({ minMs: 0, maxMs: GRACE_MS });

const quotaSchema: JsonSchema = {
  anyOf: [...(amount.schema['anyOf'] as JsonSchema[]), { type: 'object', additionalProperties: amount.schema }],
};

export const DEFINITION_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  rate: rate.schema,
  burst: burst.schema,
  hourly: quotaSchema,
  daily: quotaSchema,
  monthly: quotaSchema,
  zone: zone.schema,
  mode: mode.schema,
};
/** Every further key is a unit with its rate. */
export const UNIT_SCHEMA: JsonSchema = rate.schema;

/**
 * What a limit is, from the keys of its record: `none` when no key says anything of it, undefined after telling every problem. Keys that say how a
 * job uses it are left alone.
 */
export function readLimitDefinition(limit: LocatedMap, context: ReadContext): LimitDefinition | 'none' | undefined {
  const told = { any: false };
  const within: ReadContext = {
    path: context.path,
    problem: (message, where) => {
      told.any = true;
      return context.problem(message, where);
    },
  };
  const rates = readRates(limit, within);
  const quotas = readQuotas(limit, within);
  const read = <T>(key: string, type: ValueType<T>): T | undefined => {
    const entry = limit.entries.get(key);
    return entry === undefined ? undefined : type.read(entry.value, keyed(within, key));
  };
  const rest = { burstMs: read('burst', burst) ?? 0, mode: read('mode', mode) ?? 'statistical' };
  if (told.any) return undefined;
  const first = DEFINITION_KEYS.find((key) => limit.entries.has(key));
  if (Object.keys(rates).length > 0) return withinGrace({ rates, quotas, ...rest }, limit, within);
  if (first === undefined) return 'none';
  return context.problem(`found ${first} without a rate, expected rate as well`, {
    at: limit.entries.get(first)?.keyPlace ?? limit,
    hint: `Add rate: 3000/min, or drop ${first}: then the site's figures count`,
  });
}

/** Hard limits over short times have a shorter grace, and no burst may exceed it. */
function withinGrace(
  definition: LimitDefinition,
  limit: LocatedMap,
  context: ReadContext,
): LimitDefinition | undefined {
  const mostMs = graceMs(definition);
  const written = limit.entries.get('burst');
  if (written === undefined || definition.burstMs <= mostMs) return definition;
  return unexpected(written.value, `at most ${formatDuration(mostMs)} in hard mode, a tenth of the shortest time`, {
    context: keyed(context, 'burst'),
  });
}

const keyed = (context: ReadContext, key: string): ReadContext => ({
  path: context.path,
  problem: (message, where) => context.problem(`${key}: ${message}`, where),
});

function readRates(limit: LocatedMap, context: ReadContext): Record<LimitUnit, LimitRate> {
  const rates: Record<LimitUnit, LimitRate> = {};
  for (const [key, entry] of limit.entries) {
    if (key !== 'rate' && KEYS.includes(key)) continue;
    const unit = key === 'rate' ? 'requests' : key;
    const near = key === 'rate' ? null : nearMiss(key, KEYS);
    const wrong = unitNameProblem(unit);
    if (key === 'requests') context.problem('found the key `requests`', { at: entry.keyPlace, hint: 'Write `rate`' });
    else if (near !== null)
      context.problem(`unknown key \`${shorten(key)}\``, { at: entry.keyPlace, hint: `Did you mean \`${near}\`?` });
    else if (wrong !== null) context.problem(wrong, { at: entry.keyPlace });
    else {
      const found = rate.read(entry.value, keyed(context, key));
      if (found !== undefined) rates[unit] = found;
    }
  }
  return rates;
}

function readQuotas(limit: LocatedMap, context: ReadContext): LimitQuota[] {
  const written = limit.entries.get('zone');
  const named = written === undefined ? 'UTC' : zone.read(written.value, keyed(context, 'zone'));
  const quotas = QUOTA_KEYS.flatMap((key) => {
    const entry = limit.entries.get(key);
    return entry === undefined ? [] : readQuota(entry.value, { key, zone: named ?? 'UTC', context });
  });
  if (written !== undefined && !QUOTA_KEYS.some((key) => limit.entries.has(key)))
    context.problem('found zone without a quota', { at: written.keyPlace, hint: 'Add daily: 1M, or drop zone' });
  return quotas;
}

/** `daily: 1M` counts requests; `daily: {requests: 1M, tokens: 50M}` counts what it names. */
function readQuota(
  value: Located,
  about: { readonly key: keyof typeof QUOTAS; readonly zone: string; readonly context: ReadContext },
): LimitQuota[] {
  const context = keyed(about.context, about.key);
  const units: (readonly [string, Located])[] =
    value.kind === 'map' ? [...value.entries].map(([unit, entry]) => [unit, entry.value]) : [['requests', value]];
  if (units.length === 0) context.problem('found no unit, expected one such as {requests: 1M}', { at: value });
  return units.flatMap(([unit, wanted]) => {
    const wrong = unitNameProblem(unit);
    if (wrong !== null) {
      context.problem(wrong, { at: wanted });
      return [];
    }
    const found = amount.read(wanted, context);
    return found === undefined ? [] : [{ unit, amount: found, every: QUOTAS[about.key], zone: about.zone }];
  });
}

/** Of the limit that reads of the object store obey: what is counted besides requests would be counted by nobody. */
export function checkStoreUnits(
  name: string,
  { rates, quotas }: LimitDefinition,
  problem: (message: string, hint: string) => void,
): boolean {
  if (name !== STORE_LIMIT) return true;
  const others = [...Object.keys(rates), ...quotas.map(({ unit }) => unit)].filter((unit) => unit !== 'requests');
  for (const unit of new Set(others))
    problem(
      `found the unit ${unit}, expected requests alone: limit ${STORE_LIMIT} is about reads of the object store`,
      `Drop ${unit}, or call the limit otherwise`,
    );
  return others.length === 0;
}

/** `daily 1M requests`: a quota in the words of a problem. */
export const quotaWords = ({ every, amount: most, unit }: LimitQuota): string =>
  `${QUOTA_WORDS[every]} ${formatAmount(most)} ${unit}`;
