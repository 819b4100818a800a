/**
 * Speaks for a worker that is dead: gives the task it had in hand back, with the cause and the items that were being run. Somebody else may have
 * been faster (the batch system restarted the element, `advance` found out by itself): the task is then left to them.
 */
import { CAUSES, type Cause } from '../domain/causes.ts';
import { classify } from '../domain/classify.ts';
import { coverRanges, rangesOf } from '../domain/item-ranges.ts';
import type { BeaconReading } from '../ports/beacon.ts';
import type { WriteContext } from './needs.ts';
import { buryAttempt, type AttemptEnd } from './task-writes.ts';

/** Of the task item, which stays below 1 KB. */
const IN_FLIGHT_CHARS = 200;
const NAMED_ITEMS = 5;

export interface DeadWorker {
  readonly reading: BeaconReading;
  /** Exit status as a shell has it: 128 + signal for one that a signal ended. */
  readonly status: number;
  /** What else was found about its end: the last words of the runtime, a kernel that killed for memory. */
  readonly evidence: string | null;
}

export interface EndReport extends AttemptEnd {
  readonly inFlight?: string;
}

/** False: the dead attempt did not own its task any more. @throws what the state table throws when it stays unwell */
export const reportEnd = (context: Omit<WriteContext, 'attempt'>, worker: DeadWorker): Promise<boolean> =>
  buryAttempt({ ...context, attempt: worker.reading.task.attempt }, worker.reading.task.key, describeEnd(worker));

/** Cause and words for an end. Pure. */
export function describeEnd({ reading, status, evidence }: DeadWorker): EndReport {
  const { inFlight, task, exitCode = status } = reading;
  const signal = reading.exitCode === undefined && status > 128 ? status - 128 : undefined;
  const facts = signal === undefined ? { exitCode } : { signal };
  const during = whatRan(inFlight, task.firstItem ?? 0);
  const ranges = coverRanges(rangesOf(inFlight), IN_FLIGHT_CHARS);
  return {
    cause: causeOf(reading, { ...facts, evidence }),
    detail: `${howItEnded(reading, facts)} while ${during}${evidence === null ? '' : ` (${evidence})`}`,
    ...facts,
    ...(ranges === '' ? {} : { inFlight: ranges }),
  };
}

interface EndFacts {
  readonly exitCode?: number;
  readonly signal?: number;
}

function causeOf(
  reading: BeaconReading,
  { evidence, ...facts }: EndFacts & { readonly evidence: string | null },
): Cause {
  if (reading.stuck) return 'hung';
  const cause = classify({ ...facts, ...(evidence === null ? {} : { message: evidence }) });
  // A good exit code in the middle of a task is nothing good.
  return CAUSES[cause] === CAUSES.unknown ? 'worker-error' : cause;
}

function howItEnded({ stuck, exitCode: own, task }: BeaconReading, { exitCode, signal }: EndFacts): string {
  if (stuck)
    return `the handler kept the worker from doing anything else for ${Math.round((task.stuckAfterMs ?? 0) / 1_000)} s (handler.timeout and a grace) and was ended`;
  if (own !== undefined) return `the handler ended the worker with process.exit(${own})`;
  return signal === undefined
    ? `the worker ended with exit code ${exitCode}`
    : `the worker was killed by signal ${signal}`;
}

function whatRan(inFlight: readonly number[], firstItem: number): string {
  const names = inFlight.slice(0, NAMED_ITEMS).map((item) => firstItem + item);
  if (names.length === 0) return 'no item was running';
  if (inFlight.length === 1) return `item ${names[0]} was running`;
  const more = inFlight.length - names.length;
  return `items ${names.join(', ')}${more === 0 ? '' : ` and ${more} more`} were running`;
}
