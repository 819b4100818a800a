import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { itemIdOfToken } from '../../domain/item-id.ts';
import { isAppError, messageOf } from '../../errors/app-error.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { createChunkBuilder, type ChunkBuilder } from './chunk-builder.ts';
import { loadDuckDB } from '../shared/load-duckdb.ts';
import { checkIdColumn } from './csv-header.ts';
import { checkReadable } from './file-bytes.ts';
import { malformed } from './malformed.ts';
import { createValueWriter, type ValueWriter } from './parquet-json.ts';

export interface ParquetOptions {
  readonly path: string;
  readonly idField?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a Parquet file in file order, one item object each; `lines` counts rows from 1. */
export async function* readParquet({ path, idField, signal }: ParquetOptions): AsyncGenerator<InputChunk> {
  await checkReadable(path);
  const duckdb = loadDuckDB();
  // One thread: the reader would otherwise buffer a row group for each core.
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    yield* readRows({ path, idField, signal, connection, writer: createValueWriter(duckdb) });
  } catch (error) {
    if (isAppError(error) || signal?.aborted === true) throw error;
    throw malformed({
      file: path,
      message: `cannot be read as Parquet: ${messageOf(error).split('\n')[0]}`,
      hint: 'Check that the file is complete and really Parquet',
      cause: error,
    });
  } finally {
    close(connection, instance);
  }
}

function close(connection: DuckDBConnection, instance: DuckDBInstance): void {
  connection.closeSync();
  instance.closeSync();
}

async function* readRows(
  options: ParquetOptions & { readonly connection: DuckDBConnection; readonly writer: ValueWriter },
): AsyncGenerator<InputChunk> {
  const { path, idField, signal, connection, writer } = options;
  const result = await connection.stream('SELECT * FROM read_parquet(?, hive_partitioning = false)', [path]);
  const names = result.columnNames();
  if (idField !== undefined) checkIdColumn(names, { file: path, idField });
  const idColumn = idField === undefined ? -1 : names.indexOf(idField);
  const builder = createChunkBuilder({ ids: idField !== undefined, lines: true });
  const keys = names.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  let row = 0;
  for await (const rows of rowGroups(result)) {
    signal?.throwIfAborted();
    for (const values of rows) {
      row += 1;
      addRow(builder, { texts: values.map((value) => writer(value)), keys, idColumn, idField, row });
    }
    if (builder.full()) yield builder.take() as InputChunk;
  }
  const rest = builder.take();
  if (rest !== null) yield rest;
}

async function* rowGroups(result: DuckDBResult) {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk.getRows();
  }
}

interface Row {
  readonly texts: readonly string[];
  readonly keys: readonly string[];
  readonly idColumn: number;
  readonly idField: string | undefined;
  /** 1-based. */
  readonly row: number;
}

function addRow(builder: ChunkBuilder, { texts, keys, idColumn, idField, row }: Row): void {
  let json = '';
  for (let index = 0; index < keys.length; index += 1) json += (keys[index] as string) + (texts[index] as string);
  json += '}';
  if (idField === undefined) return builder.add(json, { line: row });
  const id = itemIdOfToken(texts[idColumn] as string, idField);
  if ('id' in id) builder.add(json, { line: row, id: id.id });
  else builder.addBad(json, { line: row, message: id.problem });
}
