/**
 * Which item kills its worker? Pure. Each death narrows the suspects to the items that were running, or to the group that was being tried; the next
 * attempt runs everybody else first and then the suspects in small groups, so that the culprit is alone after a few deaths, and then put aside.
 */
import type { Cause } from '../domain/causes.ts';
import { countIn, formatRanges, parseRanges, type ItemRange } from '../domain/item-ranges.ts';
import type { RetryQuestion } from '../domain/retry-decision.ts';
import type { TaskItem } from '../domain/task-item.ts';

/** Deaths with one suspect running alone after which it is not run any more. */
export const STRIKES = 2;
/** Infrastructure dies by itself: only so many attempts in a row without anything to show for them make one suspect the items. */
const REPEATED = 3;

/** Deaths up to this attempt cost the user nothing as long as they tell something; a handler that dies of every item is not worth more. */
export const FREE_DEATHS = 12;

export interface Suspicion {
  readonly suspects: readonly ItemRange[];
  /** Deaths with the same suspect running alone, this one included; what to keep of them. */
  readonly strikes: number;
  readonly record: Pick<TaskItem, 'strikes' | 'strikesOf'>;
  /** The suspect that died alone just now; null when several ran, or the death is no strike. */
  readonly struck: readonly ItemRange[] | null;
  /** The death told something: there are fewer suspects, or others, or one of them has a strike more. */
  readonly isNews: boolean;
}

type Facts = Pick<RetryQuestion, 'task' | 'died'> & {
  readonly cause: Cause;
  readonly progressed: boolean;
  /** The next attempt has more of what ran out: the death is no strike. */
  readonly escalates: boolean;
};

/** Null when the end does not look like the work of an item: what was suspected before is suspected still. */
export function suspect(facts: Facts): Suspicion | null {
  if (LOOKS_LIKE_AN_ITEM[facts.cause]?.(facts) !== true) return null;
  const { task } = facts;
  // Nothing was running: whatever it was, it was no item.
  if (task.inFlight === '') return null;
  const all: readonly ItemRange[] = [{ from: 0, to: Math.max(0, task.items - 1) }];
  const earlier = rangesIn(task.suspects);
  const trying = rangesIn(task.trying);
  const alone = trying !== null && countIn(trying) === 1 ? trying : null;
  const suspects = suspectsAfter(facts, { earlier, trying, alone, all });
  const struck = facts.escalates ? null : alone;
  const more = countIn(suspects) - countIn(earlier ?? all);
  return {
    suspects,
    struck,
    ...strikesAfter(task, struck),
    isNews: struck !== null || more < 0 || (more > 0 && task.inFlight !== undefined),
  };
}

/** A strike is against the one that ran alone. Another one's turn comes only when the one before it has survived, whose strikes are then of no meaning. */
function strikesAfter(
  { strikes = 0, strikesOf }: Facts['task'],
  struck: readonly ItemRange[] | null,
): Pick<Suspicion, 'strikes' | 'record'> {
  if (struck === null)
    return {
      strikes,
      record: { ...(strikes === 0 ? {} : { strikes }), ...(strikesOf === undefined ? {} : { strikesOf }) },
    };
  const item = formatRanges(struck);
  const now = strikesOf === undefined || strikesOf === item ? strikes + 1 : 1;
  return { strikes: now, record: { strikes: now, strikesOf: item } };
}

function suspectsAfter(
  { task }: Facts,
  seen: {
    readonly earlier: readonly ItemRange[] | null;
    readonly trying: readonly ItemRange[] | null;
    readonly alone: readonly ItemRange[] | null;
    readonly all: readonly ItemRange[];
  },
): readonly ItemRange[] {
  const { earlier, trying, alone, all } = seen;
  const inFlight = rangesIn(task.inFlight);
  // A death before the suspects were reached does not clear them, but it is somebody else's.
  if (trying === null) return union(earlier, inFlight ?? all);
  // Where each suspect runs alone, those who had their turn are finished and the others keep theirs.
  return alone === null ? (inFlight ?? trying) : union(earlier, alone);
}

const union = (a: readonly ItemRange[] | null, b: readonly ItemRange[]): readonly ItemRange[] =>
  parseRanges(formatRanges([...(a ?? []), ...b])) ?? b;

/**
 * When an end looks like the work of an item; causes that are not listed never do: where higher priorities take the nodes every hour, a long item must
 * not be put aside for having been there.
 */
const LOOKS_LIKE_AN_ITEM: Readonly<Partial<Record<Cause, (facts: Facts) => boolean>>> = {
  oom: () => true,
  hung: () => true,
  killed: ({ died }) => died,
  'worker-error': ({ died }) => died,
  unknown: ({ died }) => died,
  'time-limit': ({ progressed }) => !progressed,
  'node-fail': (facts) => isRepeated(facts),
  lost: (facts) => isRepeated(facts),
};

const isRepeated = ({ progressed, task }: Facts): boolean => !progressed && (task.idleAttempts ?? 0) + 1 >= REPEATED;

/** The suspects that are left when one is put aside. */
export const without = (suspects: readonly ItemRange[], gone: readonly ItemRange[]): readonly ItemRange[] =>
  suspects.flatMap((range) =>
    gone.reduce<readonly ItemRange[]>(
      (left, { from, to }) =>
        left.flatMap((part) =>
          [
            { from: part.from, to: Math.min(part.to, from - 1) },
            { from: Math.max(part.from, to + 1), to: part.to },
          ].filter((rest) => rest.from <= rest.to),
        ),
      [range],
    ),
  );

/** Adds items to those that are not run any more; the latest words are kept. */
export function quarantine(
  before: TaskItem['quarantined'],
  items: readonly ItemRange[],
  why: { readonly cause: Cause; readonly detail: string },
): NonNullable<TaskItem['quarantined']> {
  return { items: formatRanges(union(rangesIn(before?.items), items)), ...why };
}

/** Null for none, and for what is not a list of ranges. */
const rangesIn = (text: string | undefined): readonly ItemRange[] | null =>
  text === undefined || text === '' ? null : parseRanges(text);
