import type { InputSpec } from '../../domain/job-spec.ts';
import { AppError, type Problem } from '../../errors/app-error.ts';
import type { DuplicateId } from '../../ports/id-ledger.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { namePlace, placeOf } from './describe-input.ts';

/** Problems shown at once: enough to see a pattern. */
const MAX_PROBLEMS = 20;
/** After the first problem, how much further to look for more; a mistake in line 1 must not cost reading a terabyte. */
const LOOK_AHEAD_BYTES = 64 * 1024 * 1024;

export const MAX_DUPLICATES = 10;

/** Gathers the malformed records of an input that is going to be refused. */
export interface ProblemCollector {
  /** Takes the next records. True once there is no point in reading on. */
  add(chunk: InputChunk, firstItem: number): boolean;
  any(): boolean;
  error(): AppError;
}

export function createProblemCollector(spec: InputSpec): ProblemCollector {
  const problems: Problem[] = [];
  let readBytes = 0;
  let cutShort = false;
  return {
    add(chunk, firstItem) {
      for (const { index, message, column } of chunk.bad) {
        if (problems.length === MAX_PROBLEMS) break;
        const line = chunk.lines?.[index];
        const text = line === undefined ? `item ${firstItem + index + 1}: ${message}` : message;
        problems.push({ place: placeOf(spec, line, column), message: text });
      }
      if (problems.length > 0) readBytes += chunk.bytes.length;
      cutShort = problems.length === MAX_PROBLEMS || readBytes > LOOK_AHEAD_BYTES;
      return cutShort;
    },
    any: () => problems.length > 0,
    error() {
      const first = nameProblem(problems[0] as Problem);
      const more = cutShort ? ', and more may follow' : '';
      const message =
        problems.length === 1 && !cutShort
          ? first
          : `${problems.length} record${problems.length === 1 ? '' : 's'} cannot be used${more}; the first: ${first}`;
      return new AppError('INPUT_MALFORMED', { message, problems });
    },
  };
}

function nameProblem({ place, message }: Problem): string {
  const parts = [place?.file, place?.line, place?.column].filter((part) => part !== undefined);
  return `${parts.join(':')}: ${message}`;
}

/** INPUT_DUPLICATE_ID for what the ledger found. */
export function duplicateIds(spec: InputSpec, duplicates: readonly DuplicateId[]): AppError {
  const first = duplicates[0] as DuplicateId;
  const others = duplicates.length - 1;
  const more =
    others === 0
      ? ''
      : `; ${others === MAX_DUPLICATES - 1 ? `${others} or more` : others} other ${others === 1 ? 'repeat follows' : 'repeats follow'}`;
  const both = ({ id, first: one, second }: DuplicateId): string =>
    `id ${JSON.stringify(id)} is at ${namePlace(spec, one)} and again at ${namePlace(spec, second)}`;
  return new AppError('INPUT_DUPLICATE_ID', {
    message: `${both(first)}${more}`,
    problems: duplicates.map((duplicate) => ({
      place: placeOf(spec, duplicate.second.line),
      message: both(duplicate),
    })),
  });
}
