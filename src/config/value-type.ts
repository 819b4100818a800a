import type { Place, Problem } from '../errors/app-error.ts';
import { describeFound, type Located } from './located.ts';

/** The subset of JSON Schema that the generated schema uses. */
export type JsonSchema = { readonly [key: string]: unknown };

/** What one key may hold: how to read it, how to say what is expected, and how to describe it to an editor. */
export interface ValueType<T> {
  /** Follows "expected": `a whole number of at least 1`. */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** The value, or undefined after telling the context every problem with it. */
  read(value: Located, context: ReadContext): T | undefined;
}

/** Where the problems of one key go. */
export interface ReadContext {
  /** The key as a person writes it: `batch.items`. */
  readonly path: string;
  /** Adds a problem at the value (or at `at`); returns undefined so that a reader can return it. */
  problem(message: string, where: { readonly at: Located | Place; readonly hint?: string }): undefined;
}

/** Problems of `path` go to `into`. */
export function contextOf(path: string, into: Problem[]): ReadContext {
  return {
    path,
    problem(message, { at, hint }) {
      const place = 'kind' in at ? at.place : at;
      into.push({ place, message: `${path}: ${message}`, ...(hint === undefined ? {} : { hint }) });
      return undefined;
    },
  };
}

/** The usual problem: found one thing, expected another. */
export function unexpected(
  value: Located,
  expected: string,
  { context, hint }: { context: ReadContext; hint?: string },
): undefined {
  return context.problem(`found ${describeFound(value)}, expected ${expected}`, {
    at: value,
    ...(hint === undefined ? {} : { hint }),
  });
}
