import { largestCall } from '../domain/limit-bounds.ts';
import { formatAmount, MOST_AMOUNT } from '../domain/limit-rate.ts';
import type { JobLimit, LimitDefinition } from '../domain/limit.ts';
import type { Place } from '../errors/app-error.ts';
import { quotaWords } from './limit-definition.ts';
import { unitNameProblem } from './limit-values.ts';
import type { Located } from './located.ts';
import { nearMiss } from './near-miss.ts';
import { unexpected, type JsonSchema, type ReadContext } from './value-type.ts';

type LimitCost = JobLimit['cost'];

const EXPECTED = 'a whole number of at least 0, or a field of the item such as "{payload.tokens}"';
const LONGEST_PATH = 20;

const oneSchema: JsonSchema = {
  anyOf: [
    { type: 'integer', minimum: 0, maximum: MOST_AMOUNT },
    { type: 'string', pattern: '^\\{payload(\\.[^.{}]+)+\\}$' },
  ],
};
export const COST_SCHEMA: JsonSchema = {
  anyOf: [...(oneSchema['anyOf'] as JsonSchema[]), { type: 'object', additionalProperties: oneSchema }],
};

/** What a call costs by unit; a number or a field alone is about requests. Undefined after telling every problem. */
export function readCost(
  value: Located,
  definition: LimitDefinition | undefined,
  context: ReadContext,
): LimitCost | undefined {
  if (unquotedField(value) !== null) return unexpected(value, EXPECTED, { context, ...costHint(value) });
  const entries: (readonly [string, Located, Place])[] =
    value.kind === 'map'
      ? [...value.entries].map(([unit, entry]) => [unit, entry.value, entry.keyPlace])
      : [['requests', value, value.place]];
  const cost: Record<string, number | readonly string[]> = {};
  let sound = true;
  for (const [unit, wanted, unitPlace] of entries) {
    const refused = unitProblem(unit, definition);
    if (refused !== undefined) {
      sound = false;
      context.problem(refused.problem, {
        at: unitPlace,
        ...(refused.hint === undefined ? {} : { hint: refused.hint }),
      });
      continue;
    }
    const found = readOne(wanted);
    if (found === undefined) {
      sound = false;
      unexpected(wanted, EXPECTED, { context, ...costHint(wanted) });
      continue;
    }
    const never = typeof found === 'number' ? neverSold(unit, found, definition) : null;
    if (never !== null) {
      sound = false;
      context.problem(`${unit}: found ${String(found)}, ${never}`, { at: wanted });
    } else cost[unit] = found;
  }
  return sound ? cost : undefined;
}

/** YAML reads `{payload.tokens}` without quotes as a group of keys: what was meant; null: something else. */
function unquotedField(value: Located): string | null {
  const [first, ...others] = value.kind === 'map' ? value.entries : [];
  if (first === undefined || others.length > 0) return null;
  const [key, { value: nothing }] = first;
  return key.startsWith('payload.') && nothing.kind === 'scalar' && nothing.value === null ? `"{${key}}"` : null;
}

interface Refused {
  readonly problem: string;
  readonly hint?: string;
}

function unitProblem(unit: string, definition: LimitDefinition | undefined): Refused | undefined {
  const wrong = unitNameProblem(unit);
  if (wrong !== null) return { problem: wrong };
  if (definition === undefined || unit === 'requests') return undefined;
  const counted = [...new Set([...Object.keys(definition.rates), ...definition.quotas.map((quota) => quota.unit)])];
  if (counted.includes(unit)) return undefined;
  const near = nearMiss(unit, counted);
  const hint = near === null ? `State its rate beside the others: ${unit}: 250k/min` : `Did you mean \`${near}\`?`;
  return { problem: `found the unit \`${unit}\`, which the limit has no rate for`, hint };
}

function readOne(value: Located): number | readonly string[] | undefined {
  if (value.kind !== 'scalar') return undefined;
  if (typeof value.value === 'number')
    return Number.isInteger(value.value) && value.value >= 0 && value.value <= MOST_AMOUNT ? value.value : undefined;
  if (typeof value.value !== 'string') return undefined;
  const inner = /^\{payload\.([^{}]+)\}$/.exec(value.value.trim())?.[1];
  const path = inner?.split('.');
  return path === undefined || path.length > LONGEST_PATH || path.some((part) => part.trim() === '') ? undefined : path;
}

function costHint(value: Located): { readonly hint?: string } {
  const source = value.kind === 'scalar' ? value.source.trim() : '';
  const field = unquotedField(value);
  if (field !== null) return { hint: `Quote it: ${field}` };
  if (/^\d+$/.test(source)) return { hint: `Write it without quotes: ${source}` };
  const bare = /^\{?(?:payload\.)?(\w+(?:\.\w+)*)\}?$/.exec(source)?.[1];
  return bare === undefined || /^\d/.test(bare) || /^(payload|true|false|null|nan|inf|infinity)$/i.test(bare)
    ? {}
    : { hint: `Write "{payload.${bare}}"` };
}

/** What is expected instead of a cost that can never have its turn; null when it can. */
function neverSold(unit: string, cost: number, definition: LimitDefinition | undefined): string | null {
  if (definition === undefined) return null;
  const most = largestCall(definition, unit);
  const why = definition.mode === 'hard' ? ' in hard mode' : '';
  if (cost > most) return `expected at most ${formatAmount(most)}, the most that one call may cost${why}`;
  const quota = definition.quotas.find((each) => each.unit === unit && cost > each.amount);
  return quota === undefined ? null : `expected at most what the quota grants (${quotaWords(quota)})`;
}
