import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError, messageOf } from '../../errors/app-error.ts';
import type { MergedFile, MergeRequest } from '../../ports/columnar.ts';
import { mergeSelect } from './merge-sql.ts';
import { fileList, literal } from './sql-text.ts';
import { openSession, type Session } from './session.ts';

/** A row group is written when it has this many uncompressed bytes (or DuckDB's 122,880 rows): what a writer holds in memory. */
const ROW_GROUP_BYTES = 32 * 1024 ** 2;
/** Against DuckDB's default of 3: a fifth less CPU time for the whole merge, at the same size within a few percent. */
const ZSTD_LEVEL = 1;

/**
 * Concatenates the inputs in their order and checks that this was item order; only if not, sorts. One thread reads and writes: with several, DuckDB
 * moves row group borders with timing and memory, and the bytes would no longer be a function of the inputs.
 */
export async function mergeParts(request: MergeRequest, memoryLimitBytes: number): Promise<MergedFile> {
  const spill = join(request.scratch, `spill-${basename(request.output)}`);
  const session = await openSession({ memoryLimitBytes, threads: 1, spill });
  try {
    // With one thread insertion order holds by itself, and only without the promise may a row group be bounded in bytes.
    await session.run('SET preserve_insertion_order = false');
    await copy(session, request, '');
    const [merged, digest] = await Promise.all([shapeOf(session, request), digestFile(request.output)]);
    if (request.to === 'errors' ? await isSorted(session, request) : merged.contiguous) return { ...merged, ...digest };
    await copy(session, request, ' ORDER BY item_index');
    return { ...(await shapeOf(session, request)), ...(await digestFile(request.output)) };
  } catch (error) {
    throw corruptInput(error, request.inputs);
  } finally {
    session.close();
  }
}

async function copy(session: Session, request: MergeRequest, order: string): Promise<void> {
  const format = `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL ${ZSTD_LEVEL}, ROW_GROUP_SIZE_BYTES ${ROW_GROUP_BYTES}`;
  await session.run(`COPY (${mergeSelect(request)}${order}) TO ${literal(request.output)} (${format})`);
}

type Shape = Pick<MergedFile, 'rows' | 'failed' | 'firstItem' | 'contiguous'>;

async function shapeOf(session: Session, request: MergeRequest): Promise<Shape> {
  const file = `read_parquet(${fileList([request.output])}, hive_partitioning = false, file_row_number = true)`;
  const [row] = await session.rows(
    `SELECT count(*), count(*) FILTER (status = 'failed'), coalesce(min(item_index), 0),
       coalesce(min(item_index - file_row_number) <> max(item_index - file_row_number), false) FROM ${file}`,
  );
  const [rows, failed, firstItem, misplaced] = (row ?? []).map(Number) as [number, number, number, number];
  return { rows, failed, firstItem, contiguous: misplaced === 0 };
}

/** For a file with gaps. */
async function isSorted(session: Session, { output }: MergeRequest): Promise<boolean> {
  const pairs = `SELECT item_index, lag(item_index) OVER () AS before FROM read_parquet(${fileList([output])}, hive_partitioning = false)`;
  return (await session.rows(`SELECT 1 FROM (${pairs}) WHERE item_index < before LIMIT 1`)).length === 0;
}

async function digestFile(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Uint8Array);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

/** A part that DuckDB cannot read is a corrupt result; anything else is thrown on. */
export function corruptInput(error: unknown, inputs: readonly string[]): unknown {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  if (!/parquet|snappy|gzip|zstd|thrift|TProtocol|Binder Error|Conversion Error|No files found/i.test(message))
    return error;
  const named = inputs.find((input) => message.includes(input));
  const where = named ?? (inputs.length === 1 ? inputs[0] : `one of ${inputs.length} parts from ${inputs[0]} on`);
  return new AppError('RESULT_CORRUPT', { message: `${where} cannot be read as a part: ${message}`, cause: error });
}
