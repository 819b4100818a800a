import type { WriteStream } from 'node:tty';
import { AppError } from '../errors/app-error.ts';
import { type StderrStream, StdoutClosed, type StdoutStream } from './io.ts';

type Stream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

/** What a terminal is taken to be when it does not say. */
const COLUMNS = 80;
const ROWS = 24;

/** What a write says when nobody reads any more. */
const GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED']);

/** Some terminals say 0. */
const sizeOr = (size: number | undefined, fallback: number): number =>
  size === undefined || size < 1 ? fallback : size;

/** Stdout with an answer to every write. @throws STDOUT_FAILED (from `write`) when the file or device behind it fails */
export function createStdout(stream: Stream): StdoutStream {
  /** What broke it, if not that its reader went away: every later write then says only that the stream is destroyed. */
  let broken: NodeJS.ErrnoException | undefined;
  const cause = (error: NodeJS.ErrnoException): NodeJS.ErrnoException => {
    if (!GONE.has(error.code)) broken ??= error;
    return broken ?? error;
  };
  // A failed write is answered where it was made; without a listener it would also end the process.
  stream.on('error', cause);
  return {
    isTty: stream.isTTY === true,
    get columns() {
      return sizeOr(stream.columns, COLUMNS);
    },
    get rows() {
      return sizeOr(stream.rows, ROWS);
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error?: NodeJS.ErrnoException | null) => {
          if (error === null || error === undefined) {
            resolve();
            return;
          }
          const found = cause(error);
          if (GONE.has(found.code)) reject(new StdoutClosed('stdout was closed'));
          else
            reject(
              new AppError('STDOUT_FAILED', { message: `stdout cannot be written: ${found.message}`, cause: found }),
            );
        });
      }),
  };
}

/** Stderr, whose failures are ignored: there is nobody to tell. */
export function createStderr(stream: Stream): StderrStream {
  stream.on('error', () => {});
  return {
    isTty: stream.isTTY === true,
    get columns() {
      return sizeOr(stream.columns, COLUMNS);
    },
    get rows() {
      return sizeOr(stream.rows, ROWS);
    },
    raw: stream,
    write: (text) => {
      stream.write(text);
    },
  };
}
