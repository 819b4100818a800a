import { isUtf8 } from 'node:buffer';
import { itemIdOfToken, missingId, type ItemIdResult } from '../../domain/item-id.ts';
import { createJsonScanner, type JsonScanner } from '../../domain/json-scan.ts';
import { formatBytes } from '../../domain/units.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { createChunkBuilder, type ChunkBuilder } from './chunk-builder.ts';
import { malformed } from './malformed.ts';
import { forEachLine, MAX_LINE_BYTES, wholeLines } from './whole-lines.ts';

export interface TextOptions {
  /** Path or command, for messages. */
  readonly file: string;
  /** `input.id` */
  readonly idField?: string | undefined;
  readonly maxLineBytes?: number;
}

/**
 * JSON Lines. Blank lines are skipped, CRLF and a byte order mark are tolerated; any JSON value may be a record, but with an id
 * field it has to be an object.
 */
export async function* readJsonl(source: AsyncIterable<Uint8Array>, options: TextOptions): AsyncGenerator<InputChunk> {
  const { file, idField, maxLineBytes = MAX_LINE_BYTES } = options;
  const scanner = createJsonScanner(idField);
  let line = 1;
  const tooLong = (): Error =>
    malformed({
      file,
      line,
      message: `the line is longer than ${formatBytes(maxLineBytes)}`,
      hint: "JSON Lines has one JSON value a line; one big JSON array becomes that with: jq -c '.[]'",
    });
  for await (const bytes of wholeLines(source, { file, tooLong, maxLineBytes })) {
    const clean = takeWhole(bytes, { scanner, idField, line });
    if (clean !== null) {
      line += clean.ends.length;
      yield clean;
      continue;
    }
    const builder = createChunkBuilder({ ids: idField !== undefined, lines: true });
    line += forEachLine(bytes, (start, end, inChunk) =>
      addLine(builder, { bytes, start, end, scanner, idField, line: line + inChunk }),
    );
    const chunk = builder.take();
    if (chunk !== null) yield chunk;
  }
}

interface LineContext {
  readonly scanner: JsonScanner;
  readonly idField: string | undefined;
  /** 1-based line of the first line. */
  readonly line: number;
}

/** The bytes as they are when every line is a good record and ends in a bare "\n"; null when anything at all is in the way. */
function takeWhole(bytes: Buffer, { scanner, idField, line }: LineContext): InputChunk | null {
  if (!isUtf8(bytes)) return null;
  const ends: number[] = [];
  const lines: number[] = [];
  const ids: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = scanner.scan(bytes, at);
    if (end < 0 || bytes[end] !== 0x0a || bytes[end - 1] === 0x0d) return null;
    if (idField !== undefined) {
      const found = idOf(bytes, scanner, idField);
      if (!('id' in found)) return null;
      ids.push(found.id);
    }
    lines.push(line + ends.length);
    ends.push(end + 1);
    at = end + 1;
  }
  return { bytes, ends, lines, bad: [], ...(idField === undefined ? {} : { ids }) };
}

function idOf(bytes: Buffer, scanner: JsonScanner, idField: string): ItemIdResult {
  const start = scanner.memberStart();
  if (start < 0) return missingId(idField);
  return itemIdOfToken(bytes.toString('utf8', start, scanner.memberEnd()), idField);
}

function addLine(
  builder: ChunkBuilder,
  { bytes, start, end, scanner, idField, line }: LineContext & { bytes: Buffer; start: number; end: number },
): void {
  const record = bytes.subarray(start, end);
  const columnOf = (at: number): number => bytes.toString('utf8', start, at).length + 1;
  if (!isUtf8(record)) return builder.addBad(record, { line, message: 'the line is not valid UTF-8' });
  const stop = scanner.scan(record, 0);
  if (stop < 0) {
    const { at, message } = scanner.problem();
    return builder.addBad(record, { line, column: columnOf(start + at), message });
  }
  if (stop < record.length) {
    const found = JSON.stringify(bytes.toString('utf8', start + stop, Math.min(end, start + stop + 20)));
    return builder.addBad(record, {
      line,
      column: columnOf(start + stop),
      message: `found ${found} after the JSON value, expected the end of the line`,
    });
  }
  if (idField === undefined) return builder.add(record, { line });
  const id = idOf(record, scanner, idField);
  if ('id' in id) builder.add(record, { line, id: id.id });
  else builder.addBad(record, { line, message: id.problem });
}
