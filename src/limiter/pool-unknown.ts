import { RESOURCE_NAME } from '../domain/limit-rate.ts';
import { AppError } from '../errors/app-error.ts';

/** POOL_UNKNOWN for a pool that the table does not have. */
export const poolUnknown = (name: string): AppError =>
  new AppError('POOL_UNKNOWN', {
    message: `there is no pool ${JSON.stringify(name)} at this site`,
    hint: `State its slots with: slurmctl pool set ${RESOURCE_NAME.test(name) ? name : 'NAME'} --slots 20; see what there is with: slurmctl pool list`,
  });
