import { AppError } from '../errors/app-error.ts';
import type { Session } from './session.ts';

/**
 * A command is a record: the commander tree, the help, `docs/cli.md` and the tests are built from it. `run` is the only code in it, and loads
 * what it renders with when it runs, so that help costs nothing.
 */
export interface Command {
  /** One word, or two when its family has several: `status`, `limit set`. */
  readonly name: string;
  /** Heading the command stands under in the help. */
  readonly group: CommandGroup;
  /** One line, for lists. */
  readonly summary: string;
  /** Whole sentences, for the command's own help and the docs. */
  readonly description: string;
  readonly args: readonly ArgFacts[];
  readonly options: readonly OptionFacts[];
  readonly examples: readonly Example[];
  /** True when `run` ends by itself, and in order, when `session.io.signal` is aborted. */
  readonly endsOnInterrupt: boolean;
  /** Resolves to the exit code. @throws AppError */
  run(session: Session, raw: RawInput): Promise<number>;
}

export type CommandGroup = 'Work' | 'Look' | 'Upkeep';

/** Commands of two words that share the first. */
export interface CommandFamily {
  readonly name: string;
  readonly group: CommandGroup;
  /** One line, for the help of the program. */
  readonly summary: string;
  /** Whole sentences, for the help of the family. */
  readonly description: string;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

/** What commander found: arguments by position, options by long name without dashes in camelCase. */
export interface RawInput {
  readonly args: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ArgFacts {
  /** As shown: `JOB`. */
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** It may be given several times. */
  readonly variadic?: boolean;
  readonly defaultText: string | null;
}

export interface OptionFacts {
  /** `--older-than`. */
  readonly flag: string;
  /** `duration` in `--older-than <duration>`; null for a switch. */
  readonly placeholder: string | null;
  /** `--head` alone is allowed, and means a default. */
  readonly valueOptional?: boolean;
  readonly description: string;
  readonly repeatable: boolean;
}

/** An argument before it has a name; `T` is what `run` gets. */
export interface Arg<T> {
  readonly description: string;
  readonly required: boolean;
  readonly variadic?: boolean;
  readonly defaultText: string | null;
  /** `more`: what follows it. */
  read(raw: string | undefined, more: readonly (string | undefined)[]): T;
}

/** An option before it has a name; `T` is what `run` gets. */
export interface Option<T> {
  readonly placeholder: string | null;
  readonly valueOptional?: boolean;
  readonly description: string;
  readonly repeatable: boolean;
  /** @throws USAGE */
  read(raw: unknown, flag: string): T;
}

type Values<S> = { readonly [K in keyof S]: S[K] extends Arg<infer T> | Option<infer T> ? T : never };

interface CommandDefinition<A, O> {
  readonly name: string;
  readonly group: CommandGroup;
  readonly summary: string;
  readonly description: string;
  readonly args: A;
  readonly options: O;
  readonly examples: readonly Example[];
  readonly endsOnInterrupt?: boolean;
  run(session: Session, input: { readonly args: Values<A>; readonly options: Values<O> }): Promise<number>;
}

/** Turns a definition with typed arguments into a command record; keys become names: `jobFile` → `JOBFILE`, `olderThan` → `--older-than`. */
export function defineCommand<A extends Record<string, Arg<unknown>>, O extends Record<string, Option<unknown>>>(
  definition: CommandDefinition<A, O>,
): Command {
  const args = Object.entries(definition.args);
  const options = Object.entries(definition.options);
  return {
    name: definition.name,
    group: definition.group,
    summary: definition.summary,
    description: definition.description,
    args: args.map(([key, arg]) => ({ name: key.toUpperCase(), ...factsOfArg(arg) })),
    options: options.map(([key, option]) => ({ flag: flagOf(key), ...factsOfOption(option) })),
    examples: definition.examples,
    endsOnInterrupt: definition.endsOnInterrupt ?? false,
    run: (session, raw) =>
      definition.run(session, {
        args: Object.fromEntries(
          args.map(([key, arg], index) => [key, arg.read(raw.args[index], raw.args.slice(index + 1))]),
        ) as Values<A>,
        options: Object.fromEntries(
          options.map(([key, option]) => [key, option.read(raw.options[key], flagOf(key))]),
        ) as Values<O>,
      }),
  };
}

const flagOf = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const factsOfArg = ({
  description,
  required,
  variadic = false,
  defaultText,
}: Arg<unknown>): Omit<ArgFacts, 'name'> => ({
  description,
  required,
  ...(variadic ? { variadic } : {}),
  defaultText,
});

const factsOfOption = ({
  placeholder,
  valueOptional = false,
  description,
  repeatable,
}: Option<unknown>): Omit<OptionFacts, 'flag'> => ({ placeholder, valueOptional, description, repeatable });

/** An argument that must be given. */
export const required = (description: string): Arg<string> => ({
  description,
  required: true,
  defaultText: null,
  read: (raw) => raw ?? '',
});

/** An argument that may be left out, with or without a default. */
export function optional(description: string): Arg<string | undefined>;
export function optional(description: string, fallback: string): Arg<string>;
export function optional(description: string, fallback?: string): Arg<string | undefined> {
  return { description, required: false, defaultText: fallback ?? null, read: (raw) => raw ?? fallback };
}

/** The last argument, which may be given any number of times. */
export const many = (description: string): Arg<readonly string[]> => ({
  description,
  required: false,
  variadic: true,
  defaultText: null,
  read: (raw, more) => [raw, ...more].filter((each) => each !== undefined),
});

/** A switch. */
export const flag = (description: string): Option<boolean> => ({
  placeholder: null,
  description,
  repeatable: false,
  read: (raw) => raw === true,
});

/** An option with text as it is. */
export const text = (placeholder: string, description: string): Option<string | undefined> => ({
  placeholder,
  description,
  repeatable: false,
  read: (raw) => (typeof raw === 'string' ? raw : undefined),
});

/** An option whose text must mean something: `parse` answers null for text it does not understand. */
export const parsed = <T>(
  placeholder: string,
  description: string,
  { parse, expected }: { readonly parse: (text: string) => T | null; readonly expected: string },
): Option<T | undefined> => ({
  placeholder,
  description,
  repeatable: false,
  read: (raw, name) => (typeof raw === 'string' ? valueOf(raw, name, { parse, expected }) : undefined),
});

/** The same, but the option may also be given alone: then it means `alone`. */
export const parsedOrAlone = <T>(
  placeholder: string,
  description: string,
  { alone, ...reading }: { readonly parse: (text: string) => T | null; readonly expected: string; readonly alone: T },
): Option<T | undefined> => {
  const option = parsed(placeholder, description, reading);
  return { ...option, valueOptional: true, read: (raw, name) => (raw === true ? alone : option.read(raw, name)) };
};

/** An option that may be given several times. */
export const repeated = <T>(
  placeholder: string,
  description: string,
  { parse, expected }: { readonly parse: (text: string) => T | null; readonly expected: string },
): Option<readonly T[]> => ({
  placeholder,
  description,
  repeatable: true,
  read: (raw, name) => (Array.isArray(raw) ? raw.map((each) => valueOf(String(each), name, { parse, expected })) : []),
});

function valueOf<T>(
  raw: string,
  name: string,
  { parse, expected }: { readonly parse: (text: string) => T | null; readonly expected: string },
): T {
  const value = parse(raw);
  if (value === null)
    throw new AppError('USAGE', { message: `${name}: found ${JSON.stringify(raw)}, expected ${expected}` });
  return value;
}
