import { existsSync } from 'node:fs';
import { AppError, messageOf } from '../../../errors/app-error.ts';
import { errnoOf, troubleOf } from '../../shared/fs-errno.ts';

/** How a supervisor ends that the full disk kept from its work (EX_CANTCREAT of sysexits.h). */
export const DISK_FULL_EXIT = 73;

/** A failed system call of the driver as the error that names its remedy; anything else thrown is handed back as it is. */
export function cannotWrite(root: string, error: unknown): unknown {
  if (errnoOf(error) === undefined) return error;
  if (troubleOf(error) === 'full') return diskFull(root, messageOf(error), error);
  return new AppError('BATCH_UNREACHABLE', {
    message: `the local scheduler cannot write below ${root}: ${messageOf(error)}`,
    hint: `Make ${existsSync(root) ? root : 'the directory above it'} writable, or set SLURMCTL_HOME`,
    cause: error,
  });
}

/** No scheduler that is away for a while: somebody has to act, and is told so at once. */
export const diskFull = (root: string, what: string, cause?: unknown): AppError =>
  new AppError('STATE_FULL', {
    message: `the local scheduler cannot write below ${root}: ${what}`,
    hint: 'Free space or quota there, then: slurmctl advance JOB',
    cause,
  });

type Call = (...args: never[]) => Promise<unknown>;

/** The same calls, whose failed system calls reject as `cannotWrite` says. */
export function toldPlainly<T extends Readonly<Record<string, Call>>>(root: string, calls: T): T {
  const told =
    (call: Call): Call =>
    async (...args) => {
      try {
        return await call(...args);
      } catch (error) {
        throw cannotWrite(root, error);
      }
    };
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, told(call)])) as T;
}
