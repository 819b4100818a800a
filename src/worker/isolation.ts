/**
 * In which order the items of a task run when some of them are thought to have killed earlier attempts. Pure.
 *
 * Everything else runs first and is saved. The suspects follow in at most sixteen groups, and before each the task item names it: an attempt
 * that dies in a group leaves a sixteenth of the suspects, so that a culprit among 10,000 items is alone after four deaths.
 */
import { formatRanges, numbersIn, parseRanges, rangesOf } from '../domain/item-ranges.ts';

const MOST_GROUPS = 16;

export interface Phase {
  /** Numbers within the task, ascending. */
  readonly items: readonly number[];
  /** Item ranges of a group of suspects; null for items that nobody suspects. */
  readonly suspected: string | null;
}

export interface PhaseRequest {
  /** Items of the task. */
  readonly items: number;
  readonly isFinished: (item: number) => boolean;
  /** `TaskItem.suspects`. */
  readonly suspects: string | undefined;
}

/** Null: nobody is suspected, and all items run together. */
export function planPhases({ items, isFinished, suspects }: PhaseRequest): readonly Phase[] | null {
  if (suspects === undefined) return null;
  const suspected = new Set(
    [...numbersIn(parseRanges(suspects) ?? [])].filter((item) => item < items && !isFinished(item)),
  );
  if (suspected.size === 0) return null;
  const others = Array.from({ length: items }, (_, item) => item).filter(
    (item) => !isFinished(item) && !suspected.has(item),
  );
  return [...(others.length === 0 ? [] : [{ items: others, suspected: null }]), ...groupsOf([...suspected])];
}

function groupsOf(suspects: readonly number[]): Phase[] {
  const size = Math.ceil(suspects.length / MOST_GROUPS);
  return Array.from({ length: Math.ceil(suspects.length / size) }, (_, at) => {
    const items = suspects.slice(at * size, (at + 1) * size);
    return { items, suspected: formatRanges(rangesOf(items)) };
  });
}
