import { AppError } from '../../errors/app-error.ts';

/** Codes of "no space", from the system and from SQLite. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL']);

/** SCRATCH_FULL when that is what went wrong with the local file at `path`, else the error as it came. */
export function scratchFull(error: unknown, path: string): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string' || !FULL.has(code)) return error;
  return new AppError('SCRATCH_FULL', { message: `no space left while writing ${path} (${code})`, cause: error });
}
