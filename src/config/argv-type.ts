import { readList } from './plain-types.ts';
import { describeFound, type Located } from './located.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

const EXPECTED = 'a list with the program and its arguments, such as [python3, score.py]';
const LONGEST_ARGUMENT = 100_000;

interface ArgvOptions {
  /** True: `{field}` in an argument stands for a field of the item, and the program itself may not contain one. */
  readonly template: boolean;
}

/** A program and its arguments, run without a shell. Numbers and booleans are taken as written: `[sleep, 1]`. */
export function argv(options: ArgvOptions): ValueType<string[]> {
  return {
    expected: EXPECTED,
    schema: { type: 'array', items: { type: ['string', 'number', 'boolean'] }, minItems: 1 },
    read(value, context) {
      if (value.kind === 'scalar' && typeof value.value === 'string')
        return unexpected(value, EXPECTED, {
          context,
          hint: `No shell splits the text; write it as [${value.value.trim().split(/\s+/).join(', ').slice(0, 200)}]`,
        });
      let index = -1;
      const read = (item: Located): string | undefined => {
        index += 1;
        return readArgument(item, { context, isProgram: index === 0, template: options.template });
      };
      const words = readList(value, read, { context, expected: EXPECTED });
      return words?.length === 0 ? unexpected(value, EXPECTED, { context }) : words;
    },
  };
}

interface ArgumentContext extends ArgvOptions {
  readonly context: ReadContext;
  readonly isProgram: boolean;
}

function readArgument(item: Located, { context, isProgram, template }: ArgumentContext): string | undefined {
  if (item.kind !== 'scalar' || item.value === null)
    return unexpected(item, isProgram ? 'the name of a program' : 'an argument as text', { context, ...mapHint(item) });
  const word = item.source;
  if (word.includes('\0')) return context.problem('found a NUL character in an argument', { at: item });
  if (word.length > LONGEST_ARGUMENT)
    return context.problem(`found an argument of ${word.length} characters, expected at most ${LONGEST_ARGUMENT}`, {
      at: item,
    });
  if (isProgram && word.trim() === '') return unexpected(item, 'the name of a program', { context });
  if (!template) return word;
  if (isProgram && /[{}]/.test(word))
    return context.problem(`found braces in the program ${describeFound(item)}, expected a fixed program`, {
      at: item,
      hint: 'Fields of an item may only stand in the arguments after it',
    });
  return isTemplate(word)
    ? word
    : context.problem(`found a brace without its partner in ${describeFound(item)}, expected {field}`, {
        at: item,
        hint: 'Write {{ and }} for braces that are not a field of the item',
      });
}

/** YAML reads an unquoted `{path}` in a list as a group of keys. */
function mapHint(item: Located): { hint: string } | undefined {
  if (item.kind !== 'map') return undefined;
  return { hint: `Put it in quotes: "{${[...item.entries.keys()].join(', ').slice(0, 60)}}"` };
}

/** Every `{` opens a field that a `}` closes; `{{` and `}}` are plain braces. */
const isTemplate = (word: string): boolean => /^(?:[^{}]|\{\{|\}\}|\{[^{}]+\})*$/.test(word);
