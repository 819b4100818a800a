import type { GridAxis } from '../../domain/job-spec.ts';
import { AppError } from '../../errors/app-error.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { checkIdText } from '../../domain/item-id.ts';
import { createChunkBuilder } from './chunk-builder.ts';
import { checkIdColumn } from './csv-header.ts';

type Value = string | number | boolean | null;

/** The product of the axes in the order given, the last fastest; one item object a point, made as it is read. */
export async function* readGrid(
  axes: Readonly<Record<string, GridAxis>>,
  idField: string | undefined,
): AsyncGenerator<InputChunk> {
  const names = Object.keys(axes);
  if (idField !== undefined) checkIdColumn(names, { file: 'input.grid', idField });
  const idAxis = idField === undefined ? -1 : names.indexOf(idField);
  const values = names.map((name) => axisValues(name, axes[name] as GridAxis));
  const members = values.map((axis, index) =>
    axis.map((value) => `${index === 0 ? '{' : ','}${JSON.stringify(names[index])}:${JSON.stringify(value)}`),
  );
  if (names.length === 0 || values.some((axis) => axis.length === 0)) return;
  const builder = createChunkBuilder({ ids: idField !== undefined, lines: false });
  const at = names.map(() => 0);
  do {
    let json = '';
    for (let axis = 0; axis < at.length; axis += 1) json += (members[axis] as string[])[at[axis] as number];
    json += '}';
    if (idField === undefined) builder.add(json, {});
    else {
      const value = (values[idAxis] as Value[])[at[idAxis] as number];
      const id = typeof value === 'string' || Number.isSafeInteger(value) ? checkIdText(String(value), idField) : null;
      if (id !== null && 'id' in id) builder.add(json, { id: id.id });
      else
        builder.addBad(json, {
          message:
            id?.problem ??
            `id axis ${JSON.stringify(idField)} has ${JSON.stringify(value)}, expected a string or an integer`,
        });
    }
    if (builder.full()) yield builder.take() as InputChunk;
  } while (stepOdometer(at, values));
  const rest = builder.take();
  if (rest !== null) yield rest;
}

/** Moves to the next point, the last axis fastest; false after the last point. */
function stepOdometer(at: number[], values: readonly (readonly unknown[])[]): boolean {
  for (let axis = at.length - 1; axis >= 0; axis -= 1) {
    at[axis] = (at[axis] as number) + 1;
    if ((at[axis] as number) < (values[axis] as readonly unknown[]).length) return true;
    at[axis] = 0;
  }
  return false;
}

/** Longest axis: its values are kept in memory. */
const MAX_AXIS = 10_000_000;

/** The values of an axis; a range includes `to` when a whole number of steps reaches it. */
export function axisValues(name: string, axis: GridAxis): readonly Value[] {
  if (!('from' in axis)) return axis;
  const { from, to, step } = axis;
  // The slack is for decimals: (0.3 - 0) / 0.1 is 2.9999999999999996 in binary.
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (!Number.isFinite(count) || count > MAX_AXIS)
    throw new AppError('INPUT_MALFORMED', {
      message: `input.grid.${name}: the range from ${from} to ${to} by ${step} has too many values (at most ${MAX_AXIS})`,
      hint: 'Give a larger step',
    });
  const digits = Math.min(100, Math.max(decimals(from), decimals(step)));
  // Each value comes from its index, so rounding errors do not add up; rounding to the decimals that were written gives 0.3, not 0.30000000000000004.
  return Array.from({ length: Math.max(0, count) }, (_, index) => Number((from + index * step).toFixed(digits)));
}

/** Decimal places of a number as people write it: 0.25 has two, 1e-7 has seven. */
function decimals(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent));
}
