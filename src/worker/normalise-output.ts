import type { ColumnObservation } from '../domain/manifest.ts';
import type { OutputColumns, OutputSpec } from '../domain/output-columns.ts';
import { columnText } from './column-values.ts';
import { BadOutputError, jsonText } from './json-text.ts';
import { createObserver, type Observed } from './observe-columns.ts';

/** Turns what handlers of one task return into the JSON text that is stored, by `output` of the job. Pure but for what it has seen. */
export interface OutputNormaliser {
  /** JSON text of one item's output, or why it cannot be stored. */
  normalise(output: unknown): NormalisedOutput;
  /** What columns held so far; null unless `output: infer`. */
  observed(): readonly Observed[] | null;
  /** Adds what an earlier attempt observed about the items it finished. */
  addObserved(earlier: readonly (ColumnObservation & { readonly column: string })[]): void;
  /** Keys that are no declared column and were left out, each with how often. */
  ignoredKeys(): ReadonlyMap<string, number>;
}

export type NormalisedOutput =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly message: string };

/** Distinct undeclared keys that are counted; the warning needs no more. */
const MAX_IGNORED = 20;

export function createOutputNormaliser(output: OutputSpec): OutputNormaliser {
  const observer = output.mode === 'infer' ? createObserver() : null;
  const ignored = new Map<string, number>();
  const ignore = (key: string): void => {
    if (ignored.has(key) || ignored.size < MAX_IGNORED) ignored.set(key, (ignored.get(key) ?? 0) + 1);
  };
  const textOf = (value: unknown): string => {
    if (output.mode === 'columns') return typedText(output.columns, value, ignore);
    const text = jsonText(value);
    observer?.see(value);
    return text;
  };
  return {
    normalise(value) {
      try {
        return { ok: true, json: textOf(value) };
      } catch (error) {
        if (error instanceof BadOutputError) return { ok: false, message: error.message };
        // A getter or toJSON of the handler's own objects threw.
        const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        return { ok: false, message: `the output cannot be read: ${message}` };
      }
    },
    observed: () => observer?.columns() ?? null,
    addObserved: (earlier) => observer?.add(earlier),
    ignoredKeys: () => ignored,
  };
}

function typedText(columns: OutputColumns, value: unknown, ignore: (key: string) => void): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value !== 'object' || Array.isArray(value))
    throw new BadOutputError(
      `the output is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}, expected an object with the columns ${Object.keys(columns).join(', ')}`,
    );
  const texts: string[] = [];
  const fields = value as Readonly<Record<string, unknown>>;
  for (const [column, type] of Object.entries(columns)) {
    const field = Object.hasOwn(fields, column) ? fields[column] : undefined;
    if (field !== undefined) texts.push(`${JSON.stringify(column)}:${columnText(column, type, field)}`);
  }
  for (const key of Object.keys(fields)) if (!Object.hasOwn(columns, key)) ignore(key);
  return `{${texts.join(',')}}`;
}
