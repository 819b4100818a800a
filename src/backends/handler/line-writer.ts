import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream of bytes or text into lines, in bounded memory. */
export interface LineWriter {
  write(chunk: Uint8Array | string): void;
  /** Gives the last line, where no line feed ends it. */
  end(): void;
}

/** A longer line is given in pieces. */
const MOST_CHARS = 16 * 1024;

/** Empty lines are left out. */
export function createLineWriter(give: (line: string) => void): LineWriter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const add = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) giveInPieces(line);
    while (rest.length > MOST_CHARS) {
      give(rest.slice(0, MOST_CHARS));
      rest = rest.slice(MOST_CHARS);
    }
  };
  const giveInPieces = (line: string): void => {
    const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
    for (let at = 0; at < whole.length; at += MOST_CHARS) give(whole.slice(at, at + MOST_CHARS));
  };
  return {
    write: (chunk) => add(typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))),
    end() {
      add(decoder.end());
      giveInPieces(rest);
      rest = '';
    },
  };
}
