/** One question to the batch system for everything a job has there. */
import { elementIdOf, type ElementId } from '../domain/ids.ts';
import type { ElementState } from '../ports/batch-system.ts';
import type { CoordinatorDeps } from './needs.ts';
import { handleOf, type Submission } from './submissions.ts';

export interface Observed {
  readonly elements: ReadonlyMap<ElementId, ElementState>;
  /** Accepted submissions with at least one element that has not ended, as far as anybody knows. */
  readonly live: readonly Submission[];
  /** The other ones: every element has ended. They become ENDED once their tasks are reconciled. */
  readonly over: readonly Submission[];
  /** Of the live ones those of which no element is known to wait or run: nothing can be made to start after them. */
  readonly silent: ReadonlySet<Submission['id']>;
}

/** Asks for all SUBMITTED rows at once. */
export async function observe(deps: CoordinatorDeps, rows: readonly Submission[]): Promise<Observed> {
  const asked = rows.filter((row) => row.state === 'SUBMITTED');
  if (asked.length === 0) return { elements: new Map(), live: [], over: [], silent: new Set() };
  const states = await deps.batch.states(
    asked.map((row) => ({ ...handleOf(row), count: row.elements, sinceMs: row.submittedMs ?? row.createdMs })),
  );
  const elements = new Map(states.map((state) => [elementIdOf(state.id, state.index), state] as const));
  const byHandle = groupById(states);
  const live: Submission[] = [];
  const over: Submission[] = [];
  const silent = new Set<Submission['id']>();
  for (const row of asked) {
    const own = byHandle.get(row.handle as string) ?? [];
    const alive = own.filter((state) => isLive(state)).length;
    if (isOver(deps, row, own)) over.push(row);
    else {
      live.push(row);
      if (alive === 0) silent.add(row.id);
    }
  }
  return { elements, live, over, silent };
}

function groupById(states: readonly ElementState[]): Map<string, ElementState[]> {
  const groups = new Map<string, ElementState[]>();
  for (const state of states) {
    const group = groups.get(state.id);
    if (group === undefined) groups.set(state.id, [state]);
    else group.push(state);
  }
  return groups;
}

/** Waits or runs. */
export const isLive = (state: ElementState): boolean => state.phase === 'waiting' || state.phase === 'running';

/** After this long, an element nobody remembers has left the batch system's memory and accounting will not bring it back. */
const FORGOTTEN_MS = 10 * 60_000;

function isOver(deps: CoordinatorDeps, row: Submission, own: readonly ElementState[]): boolean {
  if (own.length > 0 && own.every((state) => state.phase === 'ended')) return true;
  const ageMs = deps.clock.nowMs() - (row.submittedMs ?? row.createdMs);
  return ageMs > FORGOTTEN_MS && !own.some(isLive);
}
