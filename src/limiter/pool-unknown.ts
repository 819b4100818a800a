import { AppError } from '../errors/app-error.ts';

/** POOL_UNKNOWN for a pool that the table does not have. */
export const poolUnknown = (name: string): AppError =>
  new AppError('POOL_UNKNOWN', {
    message: `there is no pool ${JSON.stringify(name)} at this site`,
    hint: `State its slots in the job file that uses it: pools: [{name: ${name}, slots: 20}]`,
  });
