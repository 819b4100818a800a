import type { InputSpec } from '../../domain/job-spec.ts';
import type { Place } from '../../errors/app-error.ts';

/** The input as a person knows it. */
export function describeInput(spec: InputSpec): string {
  switch (spec.kind) {
    case 'file':
      return spec.path;
    case 'files':
      return `input.files ${JSON.stringify(spec.pattern)} in ${spec.baseDir}`;
    case 'grid':
      return 'input.grid';
    case 'command':
      return `input.command ${JSON.stringify(spec.argv)}`;
  }
}

/** Why there can be no item in it. */
export function emptyReason(spec: InputSpec): string {
  switch (spec.kind) {
    case 'file':
      return `${spec.path} has no records`;
    case 'files':
      return `${describeInput(spec)} matches no file`;
    case 'grid':
      return 'input.grid has an axis without values';
    case 'command':
      return `${describeInput(spec)} printed no records`;
  }
}

/** Where a record is: its line when it has one, else its ordinal in the message. */
export function placeOf(spec: InputSpec, line: number | undefined, column?: number): Place {
  return {
    file: describeInput(spec),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
}

/** `file:line`, or the item's number (from 1) where lines mean nothing. */
export function namePlace(
  spec: InputSpec,
  place: { readonly item: number; readonly line?: number | undefined },
): string {
  if (place.line === undefined) return `item ${place.item + 1} of ${describeInput(spec)}`;
  return spec.kind === 'file' && spec.format === 'parquet'
    ? `row ${place.line} of ${spec.path}`
    : `${describeInput(spec)}:${place.line}`;
}
