import { largestCall } from '../domain/limit-bounds.ts';
import { formatAmount, MOST_AMOUNT } from '../domain/limit-rate.ts';
import type { JobLimit, LimitDefinition } from '../domain/limit.ts';
import { quotaWords } from './limit-definition.ts';
import { unitNameProblem } from './limit-values.ts';
import type { Located } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
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
  const entries: (readonly [string, Located, Located | undefined])[] =
    value.kind === 'map'
      ? [...value.entries].map(([unit, entry]) => [unit, entry.value, undefined])
      : [['requests', value, undefined]];
  const cost: Record<string, number | readonly string[]> = {};
  let sound = true;
  for (const [unit, wanted] of entries) {
    const found = unitProblem(unit, definition) ?? readOne(wanted);
    if (typeof found === 'object' && 'problem' in found) {
      sound = false;
      context.problem(found.problem, { at: wanted, ...(found.hint === undefined ? {} : { hint: found.hint }) });
      continue;
    }
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
  return { problem: `found the unit \`${unit}\`, which the limit has no rate for`, hint: suggestOneOf(unit, counted) };
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
  if (value.kind === 'map' && value.entries.size === 1) return { hint: 'Quote it: "{payload.tokens}"' };
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
