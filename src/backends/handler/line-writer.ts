import { StringDecoder } from 'node:string_decoder';
import { createLineRedactor, safeCut } from '../../domain/redact-lines.ts';
import { REDACTED } from '../../domain/redact.ts';

/** Cuts a stream of bytes or text into lines, in bounded memory and without secrets. */
export interface LineWriter {
  write(chunk: Uint8Array | string): void;
  /** Gives the last line, where no line feed ends it. */
  end(): void;
}

/** A longer line is given in pieces. */
const MOST_CHARS = 16 * 1024;

/** Empty lines are left out. Of a line that is written over and over, as progress bars are, the last state is given. */
export function createLineWriter(give: (line: string) => void): LineWriter {
  const decoder = new StringDecoder('utf8');
  const redact = createLineRedactor();
  let rest = '';
  /** Half of what could not be cut is gone: the other half looks like any text. */
  let isHidden = false;
  const add = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) giveLine(line);
    // A carriage return at the end may be half of a line's end.
    rest = lastState(rest, rest.length - 1);
    while (rest.length > 2 * MOST_CHARS) rest = givePiece(rest);
  };
  const giveLine = (line: string): void => {
    const whole = line.replace(/\r+$/, '');
    let left = lastState(whole, whole.length);
    while (left.length > MOST_CHARS) left = givePiece(left);
    if (left !== '' && !isHidden) give(redact(left));
    isHidden = false;
  };
  const givePiece = (text: string): string => {
    if (isHidden) return '';
    const cut = safeCut(text, MOST_CHARS);
    isHidden = cut === null;
    give(cut === null ? REDACTED : redact(text.slice(0, cut)));
    return cut === null ? '' : text.slice(cut);
  };
  return {
    write: (chunk) => add(typeof chunk === 'string' ? decoder.end() + chunk : decoder.write(Buffer.from(chunk))),
    end() {
      add(decoder.end());
      giveLine(rest);
      rest = '';
    },
  };
}

/** What a terminal shows of the text before this place. */
function lastState(text: string, end: number): string {
  const at = end <= 0 ? -1 : text.lastIndexOf('\r', end - 1);
  return at < 0 ? text : text.slice(at + 1);
}
