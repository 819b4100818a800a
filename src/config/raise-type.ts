import type { Raise } from '../domain/retry-rules.ts';
import type { Located } from './located.ts';
import { unexpected, type JsonSchema, type ReadContext, type ValueType } from './value-type.ts';

const MOST_FACTOR = 100;

export const RAISE_SCHEMA: JsonSchema = { type: 'string', pattern: '^\\s*(x\\s*\\d+(\\.\\d+)?|\\+.+)$' };

/** `x1.5`: so many times what was asked for; `+4G`: so much more, in the unit of `amount`. */
export function readRaise(
  value: Located,
  amount: ValueType<number>,
  { context, example }: { readonly context: ReadContext; readonly example: string },
): Raise | undefined {
  const expected = `how much more to ask for, such as x1.5 or ${example}`;
  const source = value.kind === 'scalar' && typeof value.value !== 'boolean' ? value.source.trim() : '';
  if (value.kind === 'scalar' && source.startsWith('+')) {
    const rest = source.slice(1).trim();
    const plus = amount.read({ ...value, value: rest, source: rest }, context);
    return plus === undefined ? undefined : { plus };
  }
  const factor = /^x\s*(\d+(?:\.\d+)?)$/i.exec(source)?.[1];
  if (factor === undefined)
    return unexpected(value, expected, {
      context,
      ...hintFor(source),
    });
  const number = Number(factor);
  if (number > 1 && number <= MOST_FACTOR) return { factor: number };
  return unexpected(value, `a factor above 1 and at most ${MOST_FACTOR}`, { context });
}

/** A number alone is meant as a factor, and one with a unit as an amount: neither makes sense as the other. */
function hintFor(source: string): { readonly hint?: string } {
  if (/^\d+(\.\d+)?$/.test(source)) return { hint: `Write x${source} for a factor` };
  return /^\d/.test(source) ? { hint: `Write +${source} for so much more, or a factor such as x1.5` } : {};
}
