/** The largest groups of failed items, small enough to be stored with a task: for display, beside the results that know them all. Pure. */
import { createBoundedSum } from './bounded-sum.ts';
import type { Cause } from './causes.ts';
import { createFingerprints } from './failure-fingerprints.ts';
import type { ItemOutcome } from './outcome.ts';
import { redactStart } from './redact.ts';

/** Failed items of one kind. */
export type FailureSum = {
  readonly fingerprint: string;
  /** Never more than there are. */
  readonly items: number;
  readonly cause: Cause;
  /** Of one of them: the beginning of the first line, without what looks like a secret. Empty: it has none. */
  readonly errorClass: string;
  readonly message: string;
};

/** The largest groups of a whole, and the failed items of it that are in no group that anybody named: those of a group may be more by as many. */
export type FailureSums = {
  readonly groups: readonly FailureSum[];
  readonly ungrouped: number;
};

/** Groups that are named, of a task as of a job. */
export const MOST_GROUPS = 3;
const MESSAGE_BYTES = 80;
const CLASS_BYTES = 40;
/** Kinds counted at once, of a task and of a job. */
const MOST_IN_TASK = 256;
const MOST_IN_JOB = 4_096;

type Sample = Pick<ItemOutcome, 'errorClass' | 'errorMessage'> & { readonly cause: Cause };

export interface OutcomeSum {
  /** Successes count nothing. */
  add(outcome: ItemOutcome): void;
  /** The largest groups; empty where nothing failed. */
  largest(): readonly FailureSum[];
}

/** Adds up the outcomes of one task. */
export function createOutcomeSum(limit = MOST_IN_TASK): OutcomeSum {
  const sum = createBoundedSum<Sample>(limit);
  const fingerprint = createFingerprints();
  const committed = { isLost: false, item: {} };
  return {
    add({ status, cause: known, errorClass, errorMessage }) {
      if (status !== 'failed') return;
      const cause = known ?? 'unknown';
      const failure = { cause, errorClass: errorClass ?? '', errorMessage: errorMessage ?? '' };
      sum.add(fingerprint(committed, failure), 1, { cause, errorClass, errorMessage });
    },
    largest: () =>
      sum
        .entries()
        .slice(0, MOST_GROUPS)
        .map(({ key, amount, value }) => ({
          fingerprint: key,
          items: amount,
          cause: value.cause,
          errorClass: cutToBytes(firstLine(value.errorClass ?? ''), CLASS_BYTES),
          message: cutToBytes(firstLine(value.errorMessage ?? ''), MESSAGE_BYTES),
        })),
  };
}

export interface JobFailureSum {
  /** What one task says of its failed items. */
  add(groups: readonly FailureSum[]): void;
  /** @param failed failed items of all tasks, whether they say anything or not */
  sums(failed: number): FailureSums;
}

/** Adds up what tasks say. */
export function createJobFailureSum(limit = MOST_IN_JOB): JobFailureSum {
  const sum = createBoundedSum<FailureSum>(limit);
  return {
    add(groups) {
      for (const group of groups) sum.add(group.fingerprint, group.items, group);
    },
    sums: (failed) => ({
      groups: sum
        .entries()
        .slice(0, MOST_GROUPS)
        .map(({ amount, value }) => ({ ...value, items: amount })),
      ungrouped: Math.max(0, failed - sum.total()),
    }),
  };
}

/** More than is shown, so that nothing that is shown is the half of a secret. */
const REDACTED_CHARS = 400;

/** Secrets first: a private key has more lines than one. */
function firstLine(message: string): string {
  const [line = ''] = redactStart(message.trimStart(), REDACTED_CHARS).split(/[\r\n]/, 1);
  return line.trimEnd();
}

const ELLIPSIS = '…';

/** The beginning of a text in at most so many bytes of UTF-8: what the state table counts. */
function cutToBytes(text: string, mostBytes: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= mostBytes) return text;
  const room = new Uint8Array(mostBytes - encoder.encode(ELLIPSIS).length);
  const { written } = encoder.encodeInto(text, room);
  return `${new TextDecoder().decode(room.subarray(0, written))}${ELLIPSIS}`;
}
