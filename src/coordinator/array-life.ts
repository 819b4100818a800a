/** What is left of a job's arrays, and how much of it could take another task; pure. */
import { sizeFor, type ElementSize } from '../domain/element-size.ts';
import { elementIdOf, type ElementId } from '../domain/ids.ts';
import { isLive, type Observed } from './element-states.ts';
import type { Submission } from './submissions.ts';

export interface ArrayLife {
  readonly row: Submission;
  readonly size: ElementSize;
  /** Elements that wait or run. */
  readonly alive: number;
  /** Of these, elements that own no task. */
  readonly idle: number;
  /** Accepted, but nobody knows anything of it: all of its elements may wait or run. */
  readonly isSilent: boolean;
}

/** @param busy elements that are at work on a task */
export function arrayLives(
  rows: readonly Submission[],
  resources: ElementSize,
  { observed, busy }: { readonly observed: Observed; readonly busy: ReadonlySet<ElementId> },
): ArrayLife[] {
  const live = new Set(observed.live.map(({ id }) => id));
  return rows
    .filter((row) => row.kind === 'array')
    .map((row) => {
      const elements = live.has(row.id) ? liveElements(row, observed) : [];
      return {
        row,
        size: sizeFor(resources, row),
        alive: elements.length,
        idle: elements.filter((element) => !busy.has(element)).length,
        isSilent: observed.silent.has(row.id),
      };
    });
}

const liveElements = (row: Submission, { elements }: Observed): ElementId[] =>
  Array.from({ length: row.elements }, (_, index) => elementIdOf(row.handle as string, index)).filter((element) => {
    const state = elements.get(element);
    return state !== undefined && isLive(state);
  });
