import { open, type FileHandle } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { EncodedPage } from 'parquetjs-lite';
import type { LeafParts } from '../../ports/leaf-part.ts';
import { scratchFull } from '../shared/scratch-full.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import { createLeafColumns } from './leaf-columns.ts';
import { encodeLevels } from './levels.ts';

export interface LeafPartOptions {
  /** A row group is written when it has this many rows or bytes, whichever comes first; bounds the memory of one part. */
  readonly groupRows?: number;
  readonly groupBytes?: number;
}

const GROUP_ROWS = 32_768;
const GROUP_BYTES = 8 * 1024 ** 2;

/**
 * Leaf parts through parquetjs-lite: its schema, file layout and footer, but whole columns are encoded here. Its own row shredding
 * builds several objects and sets a row (an order of magnitude slower), rounds 64-bit integers through doubles, and refuses NaN.
 */
export function createLeafParts(options: LeafPartOptions = {}): LeafParts {
  const groupRows = options.groupRows ?? GROUP_ROWS;
  const groupBytes = options.groupBytes ?? GROUP_BYTES;
  return {
    async write(path, outcomes, output) {
      const columns = createLeafColumns(output);
      const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
        throw scratchFull(error, path);
      });
      try {
        const part = await openPart(file, columns.all);
        let rows = 0;
        let pending = 0;
        for (const outcome of outcomes) {
          columns.push(outcome);
          rows += 1;
          pending += 1;
          // Measuring every row would cost more than the push; a row is at least some bytes, so look now and then, and after big ones.
          const big = (outcome.output?.length ?? 0) > 64 * 1024;
          if (pending < groupRows && !((big || pending % 256 === 0) && heldBytes(columns.all) >= groupBytes)) continue;
          await part.group(pending);
          pending = 0;
        }
        if (pending > 0) await part.group(pending);
        await part.end();
        return { rows };
      } catch (error) {
        throw scratchFull(error, path);
      } finally {
        await file.close();
      }
    },
  };
}

const heldBytes = (columns: readonly ColumnBuffer[]): number => {
  let bytes = 0;
  for (const column of columns) bytes += column.bytes();
  return bytes;
};

interface Part {
  group(rows: number): Promise<void>;
  end(): Promise<void>;
}

async function openPart(file: FileHandle, columns: readonly ColumnBuffer[]): Promise<Part> {
  const { ParquetSchema, ParquetEnvelopeWriter } = (await import('parquetjs-lite')).default;
  const encodePage = await pageEncoder();
  const schema = new ParquetSchema(
    Object.fromEntries(
      columns.map((column) => [
        column.name,
        { type: column.physical, optional: column.optional, compression: 'GZIP', statistics: false },
      ]),
    ),
  );
  // The library writes piece by piece; a row group goes to disk in one write.
  let pieces: Uint8Array[] = [];
  const write = async (bytes: Uint8Array): Promise<void> => {
    pieces.push(bytes);
  };
  const flush = async (): Promise<void> => {
    await file.writeFile(Buffer.concat(pieces));
    pieces = [];
  };
  const envelope = new ParquetEnvelopeWriter(schema, write, () => Promise.resolve(), 0, { pageIndex: false });
  await envelope.writeHeader();
  return {
    async group(rowCount) {
      const pages = Object.fromEntries(columns.map((column) => [column.name, [encodePage(column)]]));
      await envelope.writeRowGroup({ rowCount, pages });
      await flush();
    },
    async end() {
      await envelope.writeFooter({});
      await flush();
    },
  };
}

/** Level 1: on repetitive columns nearly as small as the default level at a fraction of its time. */
const GZIP_LEVEL = 1;

async function pageEncoder(): Promise<(column: ColumnBuffer) => EncodedPage> {
  const thrift = (await import('parquetjs-lite/gen-nodejs/parquet_types.js')).default;
  const { serializeThrift } = (await import('parquetjs-lite/lib/util.js')).default;
  return (column) => {
    const { values, defined, rows, nulls } = column.take();
    const levels = column.optional ? encodeLevels(defined, nulls) : new Uint8Array(0);
    const body = gzipSync(values, { level: GZIP_LEVEL });
    const header = new thrift.PageHeader();
    header.type = thrift.PageType.DATA_PAGE_V2;
    header.uncompressed_page_size = levels.length + values.length;
    header.compressed_page_size = levels.length + body.length;
    const v2 = new thrift.DataPageHeaderV2();
    v2.num_values = rows;
    v2.num_nulls = nulls;
    v2.num_rows = rows;
    v2.encoding = thrift.Encoding.PLAIN;
    v2.definition_levels_byte_length = levels.length;
    v2.repetition_levels_byte_length = 0;
    v2.is_compressed = true;
    header.data_page_header_v2 = v2;
    return { page: Buffer.concat([serializeThrift(header), levels, body]), num_values: rows, first_row_index: 0 };
  };
}
