import type { Cost, JobLimit } from '../domain/limit.ts';

/** What a call for an item costs by the job file, or what is wrong with the item: its field, what is there, and who wants it. */
export function itemCost({ name, cost, source }: JobLimit, payload: unknown): Cost | { readonly problem: string } {
  const units: Record<string, number> = {};
  for (const [unit, wanted] of Object.entries(cost)) {
    const value = typeof wanted === 'number' ? wanted : at(payload, wanted);
    const whole = wholeNumber(value);
    if (whole === null) {
      const field = ['payload', ...(wanted as readonly string[])].join('.');
      const found = value === undefined ? `the item has no ${field}` : `${field} is ${shown(value)}`;
      return {
        problem: `${found}, expected a whole number of at least 0: the cost in ${unit} of limit ${name} (${source})`,
      };
    }
    units[unit] = whole;
  }
  return units;
}

/** The member at a path through nested objects. */
function at(payload: unknown, path: readonly string[]): unknown {
  let value = payload;
  for (const step of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}

/** Tables have nothing but text. */
function wholeNumber(value: unknown): number | null {
  const found = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(found) && (found as number) >= 0 ? (found as number) : null;
}

const SHOWN_CHARS = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS - 1)}…` : text;
}
