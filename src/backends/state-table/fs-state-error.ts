import { AppError, messageOf } from '../../errors/app-error.ts';
import { describeFailure, errnoOf, isMissing, troubleOf } from '../shared/fs-errno.ts';

const CODE = { full: 'STATE_FULL', denied: 'STATE_DENIED', other: 'STATE_UNAVAILABLE' } as const;

/** The state error for a failed system call on `path`; anything else thrown is handed back as it is. */
export function stateError(error: unknown, path: string): unknown {
  if (errnoOf(error) === undefined) return error;
  return new AppError(CODE[troubleOf(error)], { message: describeFailure(error, path), cause: error });
}

/** Awaits a system call on `path`, turning its failure into a state error. */
export async function onState<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw stateError(error, path);
  }
}

/** Like `onState`, with null for a path that does not exist. */
export async function orMissing<T>(path: string, call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (isMissing(error)) return null;
    throw stateError(error, path);
  }
}

/** The write may have been made; only reading back can tell. */
export const uncertain = (path: string, cause?: unknown): AppError =>
  new AppError('STATE_UNCERTAIN', {
    message: `cannot tell whether the write of ${path} was applied${cause === undefined ? '' : `: ${messageOf(cause)}`}`,
    cause,
  });
