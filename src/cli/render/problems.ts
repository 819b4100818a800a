import type { Problem } from '../../errors/app-error.ts';
import { printable, printableLines } from './text.ts';

/** `file:line:column: message`, with the remedy indented below. */
export function problemLines({ place, message, hint }: Problem, prefix = ''): string[] {
  const where = place === undefined ? '' : `${placeText(place)}: `;
  const line = `${prefix}${where}${printableLines(message, '    ')}`;
  return hint === undefined ? [line] : [line, `    ${printableLines(hint, '    ')}`];
}

const placeText = ({ file, line, column }: NonNullable<Problem['place']>): string =>
  [printable(file), line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(':');
