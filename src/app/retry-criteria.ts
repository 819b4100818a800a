/** Which failures a `retry` is about, as the command line says it; pure. What is given narrows: an item must meet all of it. */
import { distance } from 'fastest-levenshtein';
import type { FinalTask } from '../aggregator/final-tasks.ts';
import { CAUSES, isCause, type Cause } from '../domain/causes.ts';
import { taskNumber } from '../domain/ids.ts';
import { formatRanges, includes, parseRanges, type ItemRange } from '../domain/item-ranges.ts';
import { AppError } from '../errors/app-error.ts';

/** What `retry` was asked for, as text; absent: not asked. */
export interface RetryWishes {
  /** Failed items only, also where items are named. */
  readonly failed?: boolean;
  /** Only tasks that were given up. */
  readonly dead?: boolean;
  /** Causes with commas between them. */
  readonly cause?: string;
  /** Fingerprints of failures, or how they begin, with commas between them. */
  readonly error?: string;
  /** Task numbers: `3,12-40`. */
  readonly task?: string;
  /** With `task`: every item of those tasks. */
  readonly all?: boolean;
  /** File of item ids, one a line; `-` for stdin. */
  readonly items?: string;
}

export interface RetryCriteria {
  readonly dead: boolean;
  readonly causes: readonly Cause[] | null;
  /** How they begin, in lower case. */
  readonly fingerprints: readonly string[] | null;
  readonly tasks: readonly ItemRange[] | null;
  /** Every item of the tasks, whatever its outcome. */
  readonly all: boolean;
  /** Items that succeeded are out even where they are named. */
  readonly failedOnly: boolean;
  /** As the user would type it again. */
  readonly text: string;
}

/** @throws USAGE */
export function criteriaOf(wishes: RetryWishes): RetryCriteria {
  const { failed = false, dead = false, all = false } = wishes;
  const causes = wishes.cause === undefined ? null : causesOf(wishes.cause);
  const fingerprints = wishes.error === undefined ? null : fingerprintsIn(wishes.error);
  const tasks = wishes.task === undefined ? null : tasksIn(wishes.task);
  const failedOnly = failed || causes !== null || fingerprints !== null;
  if (all && tasks === null)
    throw new AppError('USAGE', {
      message: '--all goes with --task',
      hint: 'Name the tasks whose items shall all run again, such as --task 0-99 --all; or submit the job again',
    });
  if (all && failedOnly)
    throw new AppError('USAGE', {
      message: '--all means every item of the tasks, and --failed, --cause and --error only failed ones',
      hint: 'Leave one of them out',
    });
  const words = [
    ...(failed ? ['--failed'] : []),
    ...(dead ? ['--dead'] : []),
    ...(causes === null ? [] : [`--cause ${causes.join(',')}`]),
    ...(fingerprints === null ? [] : [`--error ${fingerprints.join(',')}`]),
    ...(wishes.items === undefined ? [] : [`--items ${wishes.items}`]),
    ...(tasks === null ? [] : [`--task ${formatRanges(tasks)}`]),
    ...(all ? ['--all'] : []),
  ];
  return { dead, causes, fingerprints, tasks, all, failedOnly, text: words.join(' ') };
}

export const isTaskWanted = ({ dead, tasks }: RetryCriteria, { task, item }: FinalTask): boolean =>
  (!dead || item.state === 'DEAD') && (tasks === null || includes(tasks, taskNumber(task)));

export const isFailureWanted = (
  { causes, fingerprints }: RetryCriteria,
  failure: { readonly cause: Cause; readonly fingerprint: string },
): boolean =>
  (causes === null || causes.includes(failure.cause)) &&
  (fingerprints === null || fingerprints.some((begin) => failure.fingerprint.startsWith(begin)));

/** People say `timeout` for either of two things. */
const TIMEOUTS: readonly Cause[] = ['timeout-item', 'time-limit'];

function causesOf(text: string): Cause[] {
  const found = text.split(',').flatMap((part): readonly Cause[] => {
    const name = part.trim().toLowerCase();
    if (name === 'timeout') return TIMEOUTS;
    if (isCause(name)) return [name];
    const names = Object.keys(CAUSES);
    const near = names.toSorted((a, b) => distance(a, name) - distance(b, name))[0] ?? '';
    throw new AppError('USAGE', {
      message: `--cause: found ${JSON.stringify(part.trim())}, expected causes with commas between them`,
      hint: distance(near, name) <= 3 ? `Did you mean ${near}?` : `There are: timeout, ${names.join(', ')}`,
    });
  });
  return [...new Set(found)];
}

function fingerprintsIn(text: string): string[] {
  const found = text.split(',').map((part) => part.trim().toLowerCase());
  if (found.every((part) => /^[0-9a-f]{3,64}$/.test(part))) return [...new Set(found)];
  throw new AppError('USAGE', {
    message: `--error: found ${JSON.stringify(text)}, expected a fingerprint or at least its first three digits; several with commas between them`,
    hint: 'See the fingerprints of a job with: slurmctl analyze-errors JOB',
  });
}

function tasksIn(text: string): readonly ItemRange[] {
  const ranges = parseRanges(text);
  if (ranges !== null) return ranges;
  throw new AppError('USAGE', {
    message: `--task: found ${JSON.stringify(text)}, expected task numbers such as 12, or 3,12-40`,
  });
}

/** @throws USAGE for tasks that the job does not have */
export function requireTasks({ tasks }: RetryCriteria, count: number): void {
  const beyond = tasks?.find(({ to }) => to >= count);
  if (beyond === undefined) return;
  throw new AppError('USAGE', {
    message: `--task: found task ${Math.max(beyond.from, count)}, but the job has ${count === 1 ? 'only task 0' : `tasks 0-${count - 1}`}`,
  });
}
