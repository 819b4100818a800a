import type { Info, Parser } from 'csv-parse';
import { formatBytes } from '../../domain/units.ts';
import type { ByteWindow } from './byte-window.ts';
import { malformed } from './malformed.ts';
import { MAX_LINE_BYTES } from './whole-lines.ts';

export interface CsvReaderOptions {
  readonly file: string;
  readonly delimiter: string;
  readonly maxRecordBytes?: number | undefined;
  readonly window: ByteWindow;
  /** A record that ends at `end`, an offset in the stream; has to take its bytes from the window. */
  readonly onRecord: (fields: readonly string[], end: number) => void;
  /** The line up to `end` has broken quotes; has to take its bytes from the window. */
  readonly onBrokenLine: (problem: Error, end: number) => void;
}

export interface CsvReader {
  advance(bytes: Uint8Array): Promise<void>;
  /** After the last bytes. */
  finish(): Promise<void>;
}

/** Drives csv-parse over the window, starting it afresh behind a line whose quotes are broken. */
export async function createCsvReader(options: CsvReaderOptions): Promise<CsvReader> {
  const { Parser: CsvParser } = await import('csv-parse');
  const { window, file, maxRecordBytes = MAX_LINE_BYTES } = options;
  let failure: unknown = null;
  const start = (): Parser => {
    const base = window.start();
    return newParser(CsvParser, options.delimiter, (fields, info) => {
      // An error thrown here would come back as a csv-parse error and be taken for a broken quote.
      try {
        if (failure === null) options.onRecord(fields, base + info.bytes);
      } catch (error) {
        failure = error;
      }
    });
  };
  let parser = start();
  let broken: Error | null = null;

  const settle = async (last: boolean): Promise<void> => {
    while (broken !== null && failure === null) {
      const lineEnd = window.held().indexOf(0x0a);
      if (lineEnd < 0 && !last) break;
      options.onBrokenLine(broken, window.start() + (lineEnd < 0 ? window.held().length : lineEnd + 1));
      parser = start();
      broken = await feed(parser, window.held(), last);
    }
    if (failure !== null) throw failure;
    if (window.held().length <= maxRecordBytes) return;
    throw malformed({
      file,
      line: window.line(),
      message: `the record that starts here is longer than ${formatBytes(maxRecordBytes)}`,
      hint: 'Look for a quote that is opened on this line and never closed',
    });
  };
  return {
    async advance(bytes) {
      window.append(bytes);
      broken ??= await feed(parser, bytes, false);
      await settle(false);
    },
    async finish() {
      broken ??= await feed(parser, new Uint8Array(), true);
      await settle(true);
    },
  };
}

function newParser(
  CsvParser: typeof Parser,
  delimiter: string,
  onRecord: (fields: string[], info: Info) => void,
): Parser {
  const parser = new CsvParser({
    delimiter,
    record_delimiter: ['\n', '\r\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    // Records are taken here, synchronously with the write that completes them; nothing passes through the stream.
    on_record: (fields: string[], info: Info) => {
      onRecord(fields, info);
      return null;
    },
  });
  // The same error also reaches the callback of `write` or `end`, which is where it is handled.
  parser.on('error', () => undefined);
  return parser;
}

/** Writes to the parser and waits until it has taken it; the error of a broken quote, or null. */
function feed(parser: Parser, bytes: Uint8Array, last: boolean): Promise<Error | null> {
  return new Promise((resolve) => {
    const done = (error?: Error | null): void => resolve(error ?? null);
    if (!last) return void parser.write(bytes, done);
    parser.resume();
    return void (bytes.length === 0 ? parser.end(done) : parser.end(bytes, done));
  });
}
