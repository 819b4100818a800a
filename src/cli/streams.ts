import type { WriteStream } from 'node:tty';
import { AppError } from '../errors/app-error.ts';
import { type StderrStream, StdoutClosed, type StdoutStream } from './io.ts';

type Stream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

/** What a terminal is taken to be when it does not say. */
const COLUMNS = 80;
const ROWS = 24;

/** Some terminals say 0. */
const sizeOr = (size: number | undefined, fallback: number): number =>
  size === undefined || size < 1 ? fallback : size;

/** Stdout with an answer to every write. @throws STDOUT_FAILED (from `write`) when the file or device behind it fails */
export function createStdout(stream: Stream): StdoutStream {
  // A failed write is answered where it was made; without a listener it would also end the process.
  stream.on('error', () => {});
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
          if (error === null || error === undefined) resolve();
          else if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
            reject(new StdoutClosed('stdout was closed'));
          else
            reject(
              new AppError('STDOUT_FAILED', { message: `stdout cannot be written: ${error.message}`, cause: error }),
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
