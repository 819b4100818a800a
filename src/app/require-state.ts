import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isMissing } from '../backends/shared/fs-errno.ts';
import { AppError } from '../errors/app-error.ts';
import type { StateTable } from '../ports/state-table.ts';

/**
 * For monitoring, to which a table without jobs is good news: a directory that is not there is none. Services say so themselves. @throws STATE_MISSING
 */
export async function requireState({ rootUrl }: Pick<StateTable, 'rootUrl'>): Promise<void> {
  if (!rootUrl.startsWith('file:')) return;
  const path = fileURLToPath(rootUrl);
  try {
    await stat(path);
  } catch (error) {
    // Whatever else is wrong with it is said by whoever reads it.
    if (!isMissing(error)) return;
    throw new AppError('STATE_MISSING', {
      message: `there is no directory ${path}, so nothing is known of any job`,
      hint: 'Either no job was ever submitted there, or its file system is not mounted; say where state lives with --home or --state',
      cause: error,
    });
  }
}
