import type { StateChange, StateCondition, StateItem, StatePath, StateValue } from '../../ports/state-table.ts';
import { compareBytes } from '../shared/fs-byte-order.ts';

/**
 * The meaning of conditions and changes, as DynamoDB has it: what this refuses as a programming error, DynamoDB answers with a
 * ValidationException. Pure.
 */

/** Does the condition hold for the item (null: there is none)? Comparisons with an absent attribute or one of another type are false. */
export function evaluate(condition: StateCondition, item: StateItem | null): boolean {
  switch (condition.op) {
    case 'item-absent':
      return item === null;
    case 'item-present':
      return item !== null;
    case 'absent':
      return valueAt(item, condition.path) === undefined;
    case 'present':
      return valueAt(item, condition.path) !== undefined;
    case 'equals':
      return valueAt(item, condition.path) === condition.value;
    case 'in':
      return condition.values.some((value) => valueAt(item, condition.path) === value);
    case 'less':
      return ordered(item, condition.path, condition.value, (order) => order < 0);
    case 'at-most':
      return ordered(item, condition.path, condition.value, (order) => order <= 0);
    case 'greater':
      return ordered(item, condition.path, condition.value, (order) => order > 0);
    case 'at-least':
      return ordered(item, condition.path, condition.value, (order) => order >= 0);
    case 'between':
      return (
        ordered(item, condition.path, condition.low, (order) => order >= 0) &&
        ordered(item, condition.path, condition.high, (order) => order <= 0)
      );
    case 'and':
      return condition.of.every((part) => evaluate(part, item));
    case 'or':
      return condition.of.some((part) => evaluate(part, item));
    case 'not':
      return !evaluate(condition.of, item);
  }
}

/**
 * The item after the change; `item` (null: there is none, the change creates it) is left alone. Paths are looked up in the item as it
 * was. @throws Error (a programming error) for overlapping paths, a missing parent, `add` to something else than a number, or a value
 * that is not JSON.
 */
export function applyChange(item: StateItem | null, change: StateChange): StateItem {
  assertChange(change);
  const result = structuredClone(item ?? {}) as MutableMap;
  for (const [path, value] of Object.entries(change.set ?? {})) {
    put(result, path, structuredClone(value));
  }
  for (const [path, amount] of Object.entries(change.add ?? {})) {
    const found = valueAt(item, path);
    const before = found === undefined ? 0 : found;
    if (typeof before !== 'number') throw new Error(`add to ${path}: the attribute is not a number`);
    assertStateValue(before + amount, path);
    put(result, path, before + amount);
  }
  for (const path of change.remove ?? []) {
    const { parent, name } = parentOf(result, path);
    delete parent[name];
  }
  return result;
}

/** @throws Error (a programming error) for a change that is wrong whatever the item: overlapping paths, values that are not JSON */
export function assertChange(change: StateChange): void {
  assertDisjoint([...Object.keys(change.set ?? {}), ...Object.keys(change.add ?? {}), ...(change.remove ?? [])]);
  for (const [path, value] of Object.entries({ ...change.set, ...change.add })) assertStateValue(value, path);
}

type MutableMap = { [attribute: string]: StateValue };

/** @throws Error (a programming error) when the value cannot be kept as JSON and read back the same. */
export function assertStateValue(value: unknown, path: string): asserts value is StateValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) assertStateValue(inner, `${path}[${index}]`);
    return;
  }
  if (typeof value !== 'object')
    throw new Error(`${path}: a value of type ${typeof value} cannot be stored, nor NaN or Infinity`);
  for (const [name, inner] of Object.entries(value)) {
    if (!isAttributeName(name)) throw new Error(`${path}: an attribute must not be named ${JSON.stringify(name)}`);
    assertStateValue(inner, `${path}.${name}`);
  }
}

function valueAt(item: StateItem | null, path: StatePath): StateValue | undefined {
  let value: StateValue | undefined = item ?? undefined;
  for (const name of namesOf(path)) {
    if (!isMap(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function ordered(
  item: StateItem | null,
  path: StatePath,
  bound: string | number,
  holds: (order: number) => boolean,
): boolean {
  const value = valueAt(item, path);
  if (typeof value === 'number' && typeof bound === 'number') return holds(value - bound);
  if (typeof value === 'string' && typeof bound === 'string') return holds(compareBytes(value, bound));
  return false;
}

function put(root: MutableMap, path: StatePath, value: StateValue): void {
  const { parent, name } = parentOf(root, path);
  parent[name] = value;
}

function parentOf(root: MutableMap, path: StatePath): { parent: MutableMap; name: string } {
  const names = namesOf(path);
  let parent: StateValue | undefined = root;
  for (const name of names.slice(0, -1)) {
    parent = isMap(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;
  }
  if (!isMap(parent)) throw new Error(`${path}: its parent does not exist in the item`);
  return { parent: parent as MutableMap, name: names.at(-1) as string };
}

const isMap = (value: StateValue | undefined): value is StateItem =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Dots separate the names of a path; `__proto__` is not a property like others. */
const isAttributeName = (name: string): boolean => name !== '' && name !== '__proto__' && !name.includes('.');

/** The names of a path. @throws Error (a programming error) when it is none */
export function namesOf(path: StatePath): string[] {
  const names = path.split('.');
  if (!names.every(isAttributeName)) throw new Error(`${JSON.stringify(path)} is not an attribute path`);
  return names;
}

function assertDisjoint(paths: readonly StatePath[]): void {
  const sorted = paths.map(namesOf).toSorted((a, b) => compareBytes(a.join('\0'), b.join('\0')));
  for (const [index, names] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && names.every((name, depth) => next[depth] === name))
      throw new Error(`the change touches ${names.join('.')} and ${next.join('.')} at once`);
  }
}
