import { AppError } from '../../../errors/app-error.ts';

/**
 * The one function that puts data into a bash script: the result is a single shell word on a single line that stands for
 * exactly `text`. Inside single quotes nothing is special but the single quote itself. Line ends are written as escapes,
 * because sbatch refuses scripts with carriage returns at line ends and reads lines that start with #SBATCH as options.
 * @throws CONFIG_INVALID for a NUL character, which no argument, variable or path can hold.
 */
export function quoteForShell(text: string): string {
  if (text.includes('\0')) {
    throw new AppError('CONFIG_INVALID', {
      message: `${JSON.stringify(text)} holds a NUL character, which no argument, variable or path can hold`,
      hint: 'Remove the NUL character',
    });
  }
  const inside = text.replaceAll(/['\n\r]/g, (character) => ESCAPES[character] as string);
  return `'${inside}'`;
}

/** Each closes the single quotes, says the character, and opens them again. */
const ESCAPES: Record<string, string> = {
  "'": String.raw`'\''`,
  '\n': String.raw`'$'\n''`,
  '\r': String.raw`'$'\r''`,
};
