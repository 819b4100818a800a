import { RESOURCE_NAME } from '../domain/limit-rate.ts';
import { AppError } from '../errors/app-error.ts';

/** LIMIT_UNKNOWN for a limit that the table does not have. */
export const limitUnknown = (name: string): AppError =>
  new AppError('LIMIT_UNKNOWN', {
    message: `there is no limit ${JSON.stringify(name)} at this site`,
    hint: `Set it with: slurmctl limit set ${RESOURCE_NAME.test(name) ? name : 'NAME'} --rate 3000/min; see what there is with: slurmctl limit list`,
  });
