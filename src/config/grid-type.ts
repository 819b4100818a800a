import type { GridAxis } from '../domain/job-spec.ts';
import { readList } from './plain-types.ts';
import { shorten, type Located, type LocatedMap } from './located.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

type GridAxes = Readonly<Record<string, GridAxis>>;

/** More points than any job can have items. */
const MOST_GRID_ITEMS = 1e12;

const EXPECTED_AXIS = 'a list of values such as [0.1, 0.2], or a range such as {from: 0, to: 99}';

/** Axes of a parameter sweep, in the order written. */
export function gridAxes(): ValueType<GridAxes> {
  const expected = 'one or more axes, such as {alpha: [0.1, 0.2], seed: {from: 0, to: 99}}';
  return {
    expected,
    schema: { type: 'object', minProperties: 1, additionalProperties: AXIS_SCHEMA },
    read(value, context) {
      if (value.kind !== 'map' || value.entries.size === 0) return unexpected(value, expected, { context });
      const axes: [string, GridAxis][] = [];
      for (const [name, entry] of value.entries) {
        const inner = innerContext(context, name);
        const sound = isAxisName(name);
        if (!sound)
          inner.problem('found a name that is blank or a number', {
            at: entry.keyPlace,
            hint: 'Begin the name with a letter',
          });
        const axis = readAxis(entry.value, inner);
        if (sound && axis !== undefined) axes.push([name, axis]);
      }
      if (axes.length < value.entries.size) return undefined;
      const points = axes.reduce((product, [, axis]) => product * axisLength(axis), 1);
      if (points > MOST_GRID_ITEMS)
        return context.problem(
          `found axes with ${points.toExponential(1)} combinations, expected at most ${MOST_GRID_ITEMS}`,
          {
            at: value,
            hint: 'Shorten an axis or raise a step',
          },
        );
      return Object.fromEntries(axes);
    },
  };
}

/** Values on an axis; a range includes both ends when the steps meet them. */
function axisLength(axis: GridAxis): number {
  if (!('from' in axis)) return axis.length;
  // The tolerance lets 0..1 in steps of 0.1 have its eleven points although 0.1 has no exact binary form.
  return Math.floor((axis.to - axis.from) / axis.step + 1e-9) + 1;
}

/** Items of a grid: the product of its axes. */
export const gridSize = (axes: GridAxes): number =>
  Object.values(axes).reduce((product, axis) => product * axisLength(axis), 1);

/** Objects move keys that are numbers to the front, which would change the order of the axes. */
const isAxisName = (name: string): boolean => name.trim() !== '' && !/^\d+$/.test(name);

const AXIS_SCHEMA = {
  anyOf: [
    { type: 'array', minItems: 1, items: { type: ['string', 'number', 'boolean', 'null'] } },
    {
      type: 'object',
      required: ['from', 'to'],
      additionalProperties: false,
      properties: { from: { type: 'number' }, to: { type: 'number' }, step: { type: 'number', exclusiveMinimum: 0 } },
    },
  ],
};

function innerContext(context: ReadContext, name: string): ReadContext {
  return {
    path: `${context.path}.${name}`,
    problem: (message, where) => context.problem(`${shorten(name)}: ${message}`, where),
  };
}

function readAxis(value: Located, context: ReadContext): GridAxis | undefined {
  if (value.kind === 'map') return readRange(value, context);
  const hint =
    value.kind === 'scalar' && value.value !== null
      ? { hint: `For a single value write [${shorten(value.source)}]` }
      : {};
  if (value.kind !== 'list') return unexpected(value, EXPECTED_AXIS, { context, ...hint });
  if (value.items.length === 0) return unexpected(value, 'at least one value', { context });
  return readList(value, (item) => readAxisValue(item, context), { context, expected: EXPECTED_AXIS }) as
    | GridAxis
    | undefined;
}

/** Null is a value of an axis, so problems are told apart by undefined. */
function readAxisValue(item: Located, context: ReadContext): string | number | boolean | null | undefined {
  if (item.kind !== 'scalar') return unexpected(item, 'a number, text, true, false or null', { context });
  if (typeof item.value === 'number' && !Number.isFinite(item.value))
    return unexpected(item, 'a finite number', { context });
  return item.value;
}

const RANGE_KEYS = ['from', 'to', 'step'];

function readRange(value: LocatedMap, context: ReadContext): GridAxis | undefined {
  let sound = true;
  for (const [key, entry] of value.entries) {
    if (RANGE_KEYS.includes(key)) continue;
    context.problem(`unknown key \`${shorten(key)}\` in a range, expected from, to and step`, { at: entry.keyPlace });
    sound = false;
  }
  const number = (key: string, fallback?: number): number | undefined => {
    const found = value.entries.get(key)?.value;
    if (found === undefined) {
      return (
        fallback ??
        context.problem(`found a range without \`${key}\``, { at: value, hint: 'Write it as {from: 0, to: 99}' })
      );
    }
    if (found.kind === 'scalar' && typeof found.value === 'number' && Number.isFinite(found.value)) return found.value;
    return unexpected(found, `a number for \`${key}\``, { context });
  };
  const from = number('from');
  const to = number('to');
  const step = number('step', 1);
  if (!sound || from === undefined || to === undefined || step === undefined) return undefined;
  const at = (key: string): Located => value.entries.get(key)?.value ?? value;
  if (step <= 0) return context.problem(`found a step of ${step}, expected more than 0`, { at: at('step') });
  if (from > to)
    return context.problem(`found from ${from} above to ${to}, expected from at or below to`, { at: at('from') });
  if (axisLength({ from, to, step }) > MOST_GRID_ITEMS)
    return context.problem(`found a range of more than ${MOST_GRID_ITEMS} values`, {
      at: value,
      hint: 'Raise its step or shorten it',
    });
  return { from, to, step };
}
