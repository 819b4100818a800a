/**
 * Conditions and changes as DynamoDB's expressions. Every name goes through `#n` and every value through `:v`, so that reserved words and
 * dashes in names mean nothing. The verdicts are those of operation-tree.ts; a property test compares the two on a server. Pure.
 */

import type { StateChange, StateCondition, StatePath, StateValue } from '../../ports/state-table.ts';
import { type Attributes, checkedName, encodeValue, PARTITION_KEY } from './dynamodb-attributes.ts';
import { namesOf } from './operation-tree.ts';

/** Operands of one IN, and length of one expression, that the service takes at most. */
const MAX_IN = 100;
const MAX_EXPRESSION_BYTES = 4096;

/** Names and values of one request; equal names share a placeholder. */
export interface Placeholders {
  readonly names: Record<string, string>;
  readonly values: Attributes;
  /** The placeholder of an attribute of the driver or the key. */
  own(name: string): string;
  path(path: StatePath): string;
  value(value: StateValue): string;
}

export function createPlaceholders(): Placeholders {
  const names: Record<string, string> = {};
  const values: Attributes = {};
  const known = new Map<string, string>();
  let valueCount = 0;
  const own = (name: string): string => {
    const present = known.get(name);
    if (present !== undefined) return present;
    const placeholder = `#${known.size.toString(36)}`;
    known.set(name, placeholder);
    names[placeholder] = name;
    return placeholder;
  };
  return {
    names,
    values,
    own,
    path(path) {
      const names = namesOf(path);
      checkedName(names[0] as string);
      return names.map(own).join('.');
    },
    value(value) {
      const placeholder = `:${valueCount.toString(36)}`;
      valueCount += 1;
      values[placeholder] = encodeValue(value);
      return placeholder;
    },
  };
}

const COMPARISON = { less: '<', 'at-most': '<=', greater: '>', 'at-least': '>=' } as const;

/**
 * The expression of a condition, or its verdict when that is the same for every item: the language has no constants.
 * @throws Error (a bug) for paths that are none, names kept by the driver and numbers out of range
 */
export function compileCondition(condition: StateCondition, to: Placeholders): string | boolean {
  const simple = simplify(condition);
  return typeof simple === 'boolean' ? simple : textOf(simple, to);
}

/** Without parts whose verdict is always the same; `and` and `or` have two parts or more. Placeholders of dropped parts would be refused. */
function simplify(condition: StateCondition): StateCondition | boolean {
  // The service refuses an IN of nothing.
  if (condition.op === 'in') return condition.values.length > 0 && condition;
  // Numbers and texts have no order among each other, so that nothing is between them.
  if (condition.op === 'between') return typeof condition.low === typeof condition.high && condition;
  if (condition.op === 'not') {
    const of = simplify(condition.of);
    return typeof of === 'boolean' ? !of : { op: 'not', of };
  }
  if (condition.op !== 'and' && condition.op !== 'or') return condition;
  const { op } = condition;
  const decisive = op === 'or';
  const parts = condition.of.map(simplify);
  if (parts.includes(decisive)) return decisive;
  const of = parts.filter((part) => typeof part !== 'boolean');
  return of.length === 0 ? !decisive : of.length === 1 ? (of[0] as StateCondition) : { op, of };
}

function textOf(condition: StateCondition, to: Placeholders): string {
  switch (condition.op) {
    case 'item-absent':
      return `attribute_not_exists(${to.own(PARTITION_KEY)})`;
    case 'item-present':
      return `attribute_exists(${to.own(PARTITION_KEY)})`;
    case 'absent':
      return `attribute_not_exists(${to.path(condition.path)})`;
    case 'present':
      return `attribute_exists(${to.path(condition.path)})`;
    case 'equals':
      return `${to.path(condition.path)} = ${to.value(condition.value)}`;
    case 'less':
    case 'at-most':
    case 'greater':
    case 'at-least':
      return `${to.path(condition.path)} ${COMPARISON[condition.op]} ${to.value(condition.value)}`;
    case 'between': {
      // Not BETWEEN, which refuses bounds in the wrong order.
      const name = to.path(condition.path);
      return joined('AND', [`${name} >= ${to.value(condition.low)}`, `${name} <= ${to.value(condition.high)}`]);
    }
    case 'in':
      return textOfIn(condition, to);
    case 'and':
    case 'or':
      return joined(
        condition.op === 'and' ? 'AND' : 'OR',
        condition.of.map((part) => textOf(part, to)),
      );
    case 'not':
      return `NOT (${textOf(condition.of, to)})`;
  }
}

function textOfIn({ path, values }: StateCondition & { readonly op: 'in' }, to: Placeholders): string {
  const parts: string[] = [];
  for (let start = 0; start < values.length; start += MAX_IN) {
    const operands = values.slice(start, start + MAX_IN).map((value) => to.value(value));
    parts.push(`${to.path(path)} IN (${operands.join(', ')})`);
  }
  return joined('OR', parts);
}

/** One part stands alone: the service refuses redundant parentheses. */
const joined = (operator: 'AND' | 'OR', parts: readonly string[]): string =>
  parts.length === 1 ? (parts[0] as string) : parts.map((part) => `(${part})`).join(` ${operator} `);

/**
 * The update expression of a change, which also sets the `own` attributes. `add` is written as a sum, because the service's ADD takes no
 * nested paths. @throws Error (a bug) for a change that is too long
 */
export function compileChange(change: StateChange, own: Readonly<Record<string, string>>, to: Placeholders): string {
  const sets = Object.entries(own).map(([name, value]) => `${to.own(name)} = ${to.value(value)}`);
  for (const [path, value] of Object.entries(change.set ?? {})) sets.push(`${to.path(path)} = ${to.value(value)}`);
  for (const [path, amount] of Object.entries(change.add ?? {})) {
    const name = to.path(path);
    sets.push(`${name} = if_not_exists(${name}, ${to.value(0)}) + ${to.value(amount)}`);
  }
  const removes = (change.remove ?? []).map((path) => to.path(path));
  return checkedLength(`SET ${sets.join(', ')}${removes.length === 0 ? '' : ` REMOVE ${removes.join(', ')}`}`);
}

/** @throws Error (a bug) when the service would refuse the expression for its length */
export function checkedLength(expression: string): string {
  if (expression.length > MAX_EXPRESSION_BYTES)
    throw new Error(`an expression of ${expression.length} bytes: DynamoDB takes ${MAX_EXPRESSION_BYTES}`);
  return expression;
}
