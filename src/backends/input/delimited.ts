import { isUtf8 } from 'node:buffer';
import { checkIdText } from '../../domain/item-id.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { createByteWindow, type ByteWindow } from './byte-window.ts';
import { createChunkBuilder, type ChunkBuilder } from './chunk-builder.ts';
import { checkHeader } from './csv-header.ts';
import { createCsvReader } from './csv-reader.ts';
import { malformed } from './malformed.ts';
import { checkedText } from './text-start.ts';

export interface DelimitedOptions {
  readonly file: string;
  readonly delimiter: ',' | '\t';
  readonly idField?: string | undefined;
  readonly maxRecordBytes?: number;
}

/** What survives a restart of the parser. */
interface Table {
  readonly options: DelimitedOptions;
  readonly window: ByteWindow;
  readonly builder: ChunkBuilder;
  /** `{"a":`, `,"b":` … so that a record is a join; empty until the header is read. */
  keys: readonly string[];
  idColumn: number;
}

/**
 * CSV or TSV with a header line; values stay strings. Quotes, embedded line breaks, CRLF and a byte order mark as in RFC 4180;
 * blank lines are skipped. A record with another number of fields than the header is a bad record. After a misplaced quote no
 * record boundary can be trusted, so the line on which that record starts is the bad record and reading goes on at the next line.
 */
export async function* readDelimited(
  source: AsyncIterable<Uint8Array>,
  options: DelimitedOptions,
): AsyncGenerator<InputChunk> {
  const { file, delimiter, maxRecordBytes } = options;
  const builder = createChunkBuilder({ ids: options.idField !== undefined, lines: true });
  const table: Table = { options, window: createByteWindow(), builder, keys: [], idColumn: -1 };
  const reader = await createCsvReader({
    file,
    delimiter,
    maxRecordBytes,
    window: table.window,
    onRecord: (fields, end) => takeRecord(table, fields, end),
    onBrokenLine: (problem, end) => takeBrokenLine(table, problem, end),
  });
  for await (const bytes of checkedText(source, file)) {
    await reader.advance(bytes);
    if (builder.full()) yield builder.take() as InputChunk;
  }
  await reader.finish();
  const rest = builder.take();
  if (rest !== null) yield rest;
}

function takeRecord(table: Table, fields: readonly string[], end: number): void {
  const { options, builder, keys } = table;
  const { bytes, line } = table.window.take(end);
  if (keys.length === 0) {
    checkHeader(fields, { file: options.file, line, idField: options.idField });
    table.keys = fields.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    table.idColumn = options.idField === undefined ? -1 : fields.indexOf(options.idField);
    return;
  }
  if (fields.length !== keys.length) {
    const found = `found ${fields.length} field${fields.length === 1 ? '' : 's'}`;
    return builder.addBad(withoutLineBreak(bytes), { line, message: `${found}, expected ${keys.length}` });
  }
  if (fields.some((field) => field.includes('\uFFFD')) && !isUtf8(bytes))
    return builder.addBad(withoutLineBreak(bytes), { line, message: 'the record is not valid UTF-8' });
  let json = '';
  for (let index = 0; index < keys.length; index += 1) json += (keys[index] as string) + JSON.stringify(fields[index]);
  json += '}';
  if (options.idField === undefined) return builder.add(json, { line });
  const id = checkIdText(fields[table.idColumn] as string, options.idField);
  if ('id' in id) builder.add(json, { line, id: id.id });
  else builder.addBad(withoutLineBreak(bytes), { line, message: id.problem });
}

const BROKEN_QUOTES: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quote; a quote inside a field is written ""',
  INVALID_OPENING_QUOTE: 'a quote in the middle of an unquoted field; quote the whole field and write the quote as ""',
};

function takeBrokenLine(table: Table, problem: Error, end: number): void {
  const message = BROKEN_QUOTES[(problem as NodeJS.ErrnoException).code ?? ''];
  if (message === undefined) throw problem;
  const { bytes, line } = table.window.take(end);
  if (table.keys.length === 0)
    throw malformed({ file: table.options.file, line, message: `the header cannot be read: ${message}` });
  table.builder.addBad(withoutLineBreak(bytes), { line, message });
}

function withoutLineBreak(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d) end -= 1;
  return bytes.subarray(0, end);
}
