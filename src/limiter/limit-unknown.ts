import { AppError } from '../errors/app-error.ts';

/** LIMIT_UNKNOWN for a limit that the table does not have. */
export const limitUnknown = (name: string): AppError =>
  new AppError('LIMIT_UNKNOWN', {
    message: `there is no limit ${JSON.stringify(name)} at this site`,
    hint: `Set it with: slurmctl limit set ${name} --rate 3000/min; see what there is with: slurmctl limit list`,
  });
