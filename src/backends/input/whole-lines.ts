import { checkedText } from './text-start.ts';

/** A line beyond this is taken for a mistake (one big document, or no line breaks at all). */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

export interface WholeLinesOptions {
  readonly file: string;
  /** Makes the error for a line that grows beyond the limit; `maxLineBytes` replaces the limit in tests. */
  readonly tooLong: () => Error;
  readonly maxLineBytes?: number;
}

/**
 * Cuts a byte stream at line breaks: every chunk is whole lines and ends in "\n" (added after a last line without one).
 * Only a line that straddles two reads is copied. Checks that the stream is text and drops a byte order mark.
 */
export async function* wholeLines(
  source: AsyncIterable<Uint8Array>,
  { file, tooLong, maxLineBytes = MAX_LINE_BYTES }: WholeLinesOptions,
): AsyncGenerator<Buffer> {
  let tail: Buffer[] = [];
  let tailBytes = 0;
  for await (const bytes of checkedText(source, file)) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const firstBreak = chunk.indexOf(0x0a);
    if (tailBytes + (firstBreak < 0 ? chunk.length : firstBreak) > maxLineBytes) throw tooLong();
    if (firstBreak < 0) {
      tail.push(chunk);
      tailBytes += chunk.length;
      continue;
    }
    const end = chunk.lastIndexOf(0x0a) + 1;
    let start = 0;
    if (tailBytes > 0) {
      start = firstBreak + 1;
      yield Buffer.concat([...tail, chunk.subarray(0, start)]);
    }
    if (end > start) yield chunk.subarray(start, end);
    tail = end < chunk.length ? [chunk.subarray(end)] : [];
    tailBytes = chunk.length - end;
  }
  if (tailBytes > 0) yield Buffer.concat([...tail, Buffer.from('\n')]);
}

/** Calls `visit` with the bounds of each line that is not blank, without its line break (LF or CRLF). */
export function forEachLine(chunk: Buffer, visit: (start: number, end: number, lineInChunk: number) => void): number {
  let start = 0;
  let lineInChunk = 0;
  while (start < chunk.length) {
    const breakAt = chunk.indexOf(0x0a, start);
    const end = chunk[breakAt - 1] === 0x0d && breakAt > start ? breakAt - 1 : breakAt;
    if (!isBlank(chunk, start, end)) visit(start, end, lineInChunk);
    lineInChunk += 1;
    start = breakAt + 1;
  }
  return lineInChunk;
}

function isBlank(chunk: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1)
    if (chunk[at] !== 0x20 && chunk[at] !== 0x09 && chunk[at] !== 0x0d) return false;
  return true;
}
