import type { GlobalFlags } from '../app/api.ts';
import { COMMAND_WORDS } from './commands-of.ts';
import { printable, shellWord } from './render/text.ts';

/** Where a command of ours begins in a text for people: not in a path, and not where the program is only spoken of. */
const COMMAND = new RegExp(`(?<=^|[\\s(\`'"])slurmctl (?=(?:${COMMAND_WORDS.join('|')})\\b)`, 'gm');

/**
 * Puts these flags into every command of ours in a text, so that whoever copies it finds the same jobs. They come right behind the name of the
 * program, because nobody can tell where a command in a sentence ends. A text that has them already stays as it is.
 */
export function flagging(flags: GlobalFlags): (text: string) => string {
  const words = Object.entries(flags).map(([name, value]) => `--${name} ${shellWord(printable(value))}`);
  if (words.length === 0) return (text) => text;
  return (text) => text.replaceAll(COMMAND, () => `slurmctl ${words.join(' ')} `);
}
