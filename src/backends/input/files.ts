import { stat } from 'node:fs/promises';
import type { GlobOptions } from 'tinyglobby';
import { checkIdText, type ItemIdResult } from '../../domain/item-id.ts';
import { AppError } from '../../errors/app-error.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { errnoOf } from '../shared/fs-errno.ts';
import { compareBytes } from '../shared/fs-byte-order.ts';
import { createChunkBuilder } from './chunk-builder.ts';
import { checkIdColumn } from './csv-header.ts';
import { unreadable } from './file-bytes.ts';
import { hideLineBreaks, showLineBreaks, walkerFs } from './line-break-names.ts';

export interface FilesOptions {
  readonly pattern: string;
  readonly baseDir: string;
  readonly idField?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** File sizes asked for at once: hides the latency of a network file system without burying its metadata server. */
const STATS_AT_ONCE = 32;

/**
 * Each matching file as an item `{path, bytes}`: absolute path, ordered by the bytes of the path. Hidden files are left out unless the
 * pattern names the dot; links to files count as files. The matching names are held in memory (some 200 bytes each).
 * @throws INPUT_UNREADABLE when a directory below the pattern cannot be read: leaving its files out silently would be a wrong answer
 */
export async function* readFiles({ pattern, baseDir, idField, signal }: FilesOptions): AsyncGenerator<InputChunk> {
  if (idField !== undefined) checkIdColumn(['path', 'bytes'], { file: 'input.files', idField });
  const paths = await matchingPaths(pattern, baseDir, signal);
  const builder = createChunkBuilder({ ids: idField !== undefined, lines: false });
  for (let start = 0; start < paths.length; start += STATS_AT_ONCE) {
    signal?.throwIfAborted();
    const group = paths.slice(start, start + STATS_AT_ONCE);
    const sizes = await Promise.all(group.map(sizeOf));
    group.forEach((path, index) => {
      const size = sizes[index];
      if (typeof size !== 'number') return builder.addBad(path, { message: size ?? `${path} does not exist` });
      const id = idOf(idField, path, size);
      if (id !== null && 'problem' in id) return builder.addBad(path, { message: id.problem });
      return builder.add(JSON.stringify({ path, bytes: size }), id ?? {});
    });
    if (builder.full()) yield builder.take() as InputChunk;
  }
  const rest = builder.take();
  if (rest !== null) yield rest;
}

function idOf(idField: string | undefined, path: string, size: number): ItemIdResult | null {
  if (idField === undefined) return null;
  return checkIdText(idField === 'path' ? path : String(size), idField);
}

/** The size in bytes, or what is wrong with the file. */
async function sizeOf(path: string): Promise<number | string> {
  if (path.includes('\uFFFD')) return `the name of ${path} is not valid UTF-8`;
  try {
    return (await stat(path)).size;
  } catch (error) {
    const problem = unreadable(path, error);
    if (!(problem instanceof AppError)) throw error;
    return problem.message;
  }
}

async function matchingPaths(pattern: string, baseDir: string, signal: AbortSignal | undefined): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  let failure: { readonly path: string; readonly error: unknown } | null = null;
  const note = (path: string, error: unknown): void => {
    // A pattern whose fixed part does not exist matches nothing; so does a directory that vanished meanwhile.
    if (error !== null && errnoOf(error) !== 'ENOENT') failure ??= { path, error };
  };
  const options: GlobOptions = {
    cwd: hideLineBreaks(baseDir),
    absolute: true,
    onlyFiles: true,
    expandDirectories: false,
    fs: walkerFs(note) as unknown as NonNullable<GlobOptions['fs']>,
    ...(signal === undefined ? {} : { signal }),
  };
  const paths = await glob([hideLineBreaks(pattern)], options);
  signal?.throwIfAborted();
  if (failure !== null) {
    const { path, error } = failure as { readonly path: string; readonly error: unknown };
    throw unreadable(path, error);
  }
  return paths.map(showLineBreaks).sort(compareBytes);
}
