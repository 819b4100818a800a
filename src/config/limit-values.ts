import {
  formatAmount,
  MOST_AMOUNT,
  parseAmount,
  parseRate,
  RESOURCE_NAME,
  whyUnsellable,
} from '../domain/limit-rate.ts';
import type { LimitRate } from '../domain/limit.ts';
import { groupOfPool } from '../domain/turns.ts';
import { describeFound, shorten, type Located } from './located.ts';
import { nearMiss } from './near-miss.ts';
import { unexpected, type ValueType } from './value-type.ts';

const sourceOf = (value: Located): string | null =>
  value.kind === 'scalar' && (typeof value.value === 'string' || typeof value.value === 'number')
    ? value.source.trim()
    : null;

/** What a limit, a pool or a group of jobs is called. */
export function resourceName(of: 'limit' | 'pool' | 'group'): ValueType<string> {
  const expected = `the name of a ${of}: at most 63 lower-case letters, digits, - and _, beginning with a letter`;
  return {
    expected,
    schema: { type: 'string', pattern: RESOURCE_NAME.source },
    read(value, context) {
      const found = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : null;
      if (found !== null && RESOURCE_NAME.test(found)) return found;
      const group = of === 'pool' && found !== null ? groupOfPool(found) : null;
      const better = found?.toLowerCase().replaceAll(/[\s.]+/g, '-');
      const plain = better !== undefined && better !== found && RESOURCE_NAME.test(better) ? `Write ${better}` : null;
      const hint = group === null ? plain : `A job joins a group with concurrency: {group: ${group}}`;
      return unexpected(value, expected, hint === null ? { context } : { context, hint });
    },
  };
}

/** What is wrong with the name of a unit; null: nothing. */
export function unitNameProblem(unit: string): string | null {
  if (!RESOURCE_NAME.test(unit))
    return `found the unit ${shorten(JSON.stringify(unit))}, expected lower-case letters, digits, - and _`;
  // Amounts are kept by unit in plain objects, which have members of such names already.
  return unit in {}
    ? `found the unit ${JSON.stringify(unit)}, expected a name that JavaScript does not use itself`
    : null;
}

/** So many in so long. */
export function limitRate(): ValueType<LimitRate> {
  const expected = 'a rate such as 3000/min, 250k/min, 10/s or 1M/day';
  return {
    expected,
    schema: { type: 'string', pattern: '^\\s*\\d+(\\.\\d+)?[kKmMgG]?\\s*/\\s*\\d*\\s*[a-z]+\\s*$' },
    read(value, context) {
      const source = sourceOf(value);
      const found = source === null ? null : parseRate(source);
      if (found === null) {
        const hint = source === null ? null : rateHint(source);
        return unexpected(value, expected, hint === null ? { context } : { context, hint });
      }
      const why = whyUnsellable(found);
      if (why === null) return found;
      return unexpected(value, why, { context });
    },
  };
}

function rateHint(source: string): string | null {
  if (source.startsWith('-')) return 'A rate cannot be negative';
  if (parseAmount(source) !== null) return `Say in what time: ${source}/min, ${source}/s`;
  if (/\/\s*\d*\s*(mo|month|week|w|year)/i.test(source))
    return 'A day is the longest time; count longer ones with monthly';
  const fraction = /^(\d*\.\d+)\s*\/\s*(s|sec|second|min|minute|h|hour)$/.exec(source);
  if (fraction === null) return null;
  const longer = fraction[2]?.startsWith('s') === true ? 'min' : fraction[2]?.startsWith('m') === true ? 'h' : 'day';
  const times = longer === 'day' ? 24 : 60;
  const whole = Number(fraction[1]) * times;
  return Number.isInteger(whole) && whole > 0 ? `Write ${whole}/${longer}` : 'Write it with a whole number';
}

/** A whole number above 0, with k, M and G for thousands, millions and billions. */
export function limitAmount(): ValueType<number> {
  const expected = 'a whole number above 0 such as 500, 250k or 1M';
  return {
    expected,
    schema: {
      anyOf: [
        { type: 'integer', minimum: 1, maximum: MOST_AMOUNT },
        { type: 'string', pattern: '^\\s*\\d+(\\.\\d+)?[kKmMgG]?\\s*$' },
      ],
    },
    read(value, context) {
      const source = sourceOf(value);
      const found = source === null ? null : parseAmount(source);
      if (found !== null && found > 0) return found;
      if (found === null && source !== null && /^\d+[kmg]?$/i.test(source))
        return unexpected(value, `at most ${formatAmount(MOST_AMOUNT)}`, { context });
      return unexpected(value, expected, { context });
    },
  };
}

/** A time zone by its IANA name. */
export function timeZone(): ValueType<string> {
  const expected = 'a time zone such as UTC or Europe/Berlin';
  return {
    expected,
    schema: { type: 'string', minLength: 1 },
    read(value, context) {
      const found = value.kind === 'scalar' && typeof value.value === 'string' ? value.value.trim() : '';
      const known = zoneNamed(found);
      if (known !== null) return known;
      const near = found === '' ? null : nearMiss(found, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
      return context.problem(
        `found ${describeFound(value)}, expected ${expected}`,
        near === null ? { at: value } : { at: value, hint: `Did you mean \`${near}\`?` },
      );
    },
  };
}

/** The zone as the tables of this host spell it, null when they have none. An offset such as +02:00 knows no summer. */
function zoneNamed(name: string): string | null {
  if (!/^[A-Za-z]/.test(name)) return null;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
