import { AppError } from '../../errors/app-error.ts';
import { describeFailure, errnoOf, troubleOf } from '../shared/fs-errno.ts';

const CODE = { full: 'STORE_FULL', denied: 'STORE_DENIED', other: 'STORE_UNAVAILABLE' } as const;
/** A key is also a path: one object cannot lie below another, and the system limits names. */
const KEY_ERRNOS = ['ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP', 'EEXIST', 'ENOTEMPTY'];

/** The store error for a failed system call on `path`; anything else thrown is handed back as it is. */
export function storeError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (KEY_ERRNOS.includes(errno))
    return new AppError('STORE_BAD_KEY', {
      message: `${path} cannot hold an object (${errno})`,
      hint: 'An object key must not continue another one as if it were a directory, nor name a symbolic link',
      cause: error,
    });
  return new AppError(CODE[troubleOf(error)], { message: describeFailure(error, path), cause: error });
}

/** Awaits a system call on `path`, turning its failure into a store error. */
export async function onStore<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw storeError(error, path);
  }
}
