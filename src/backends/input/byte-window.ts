/** The bytes of a stream from the end of the last record taken, with their place in it. */
export interface ByteWindow {
  append(bytes: Uint8Array): void;
  /** Offset in the stream of the first byte held. */
  start(): number;
  /** Everything held. */
  held(): Buffer;
  /** 1-based line of the first byte held. */
  line(): number;
  /** Lets go of the bytes before `end` (an offset in the stream), which are blank lines and then one record. */
  take(end: number): { readonly bytes: Buffer; readonly line: number };
}

export function createByteWindow(): ByteWindow {
  let held: Buffer = Buffer.alloc(0);
  let start = 0;
  let line = 1;
  return {
    append(bytes) {
      const added = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      held = held.length === 0 ? added : Buffer.concat([held, added]);
    },
    start: () => start,
    held: () => held,
    line: () => line,
    take(end) {
      const taken = held.subarray(0, end - start);
      held = held.subarray(end - start);
      start = end;
      let from = 0;
      let blankLines = 0;
      for (; taken[from] === 0x0a || taken[from] === 0x0d; from += 1) if (taken[from] === 0x0a) blankLines += 1;
      const recordLine = line + blankLines;
      line = recordLine + countLineBreaks(taken, from);
      return { bytes: taken.subarray(from), line: recordLine };
    },
  };
}

function countLineBreaks(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}
