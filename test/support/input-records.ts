import type { InputChunk } from '../../src/ports/input-source.ts';

/** One record of a chunk as a test likes to look at it. */
export interface SeenRecord {
  readonly value: unknown;
  readonly json: string;
  readonly line?: number;
  readonly id?: string;
  readonly bad?: { readonly message: string; readonly column?: number };
}

/** Every record of a stream of chunks; checks on the way that the chunks keep their promises. */
export async function collectRecords(chunks: AsyncIterable<InputChunk>): Promise<SeenRecord[]> {
  const records: SeenRecord[] = [];
  for await (const chunk of chunks) {
    if (chunk.ends.length === 0 || chunk.ends.at(-1) !== chunk.bytes.length)
      throw new Error('a chunk ends with its last record');
    const bad = new Map(
      chunk.bad.map(({ index, message, column }) => [index, column === undefined ? { message } : { message, column }]),
    );
    chunk.ends.forEach((end, index) => {
      const start = index === 0 ? 0 : (chunk.ends[index - 1] as number);
      const json = Buffer.from(chunk.bytes.subarray(start, end)).toString('utf8');
      if (!json.endsWith('\n') || json.indexOf('\n') !== json.length - 1)
        throw new Error(`not one line: ${JSON.stringify(json)}`);
      const problem = bad.get(index);
      records.push({
        value: JSON.parse(json),
        json: json.slice(0, -1),
        ...(chunk.lines === undefined ? {} : { line: chunk.lines[index] as number }),
        ...(chunk.ids === undefined ? {} : { id: chunk.ids[index] as string }),
        ...(problem === undefined ? {} : { bad: problem }),
      });
    });
  }
  return records;
}

/** The bytes in pieces of the given sizes, repeated as needed. */
export async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? bytes.length);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
