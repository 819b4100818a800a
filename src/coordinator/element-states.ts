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
  /** Array elements that wait or run. */
  readonly liveElements: number;
}

/** Asks for all SUBMITTED rows at once. */
export async function observe(deps: CoordinatorDeps, rows: readonly Submission[]): Promise<Observed> {
  const asked = rows.filter((row) => row.state === 'SUBMITTED');
  if (asked.length === 0) return { elements: new Map(), live: [], over: [], liveElements: 0 };
  const states = await deps.batch.states(
    asked.map((row) => ({ ...handleOf(row), count: row.elements, sinceMs: row.submittedMs ?? row.createdMs })),
  );
  const elements = new Map(states.map((state) => [elementIdOf(state.id, state.index), state] as const));
  const live: Submission[] = [];
  const over: Submission[] = [];
  let liveElements = 0;
  for (const row of asked) {
    const own = states.filter((state) => state.id === row.handle);
    if (row.kind === 'array') liveElements += own.filter((state) => isLive(state)).length;
    (isOver(deps, row, own) ? over : live).push(row);
  }
  return { elements, live, over, liveElements };
}

const isLive = (state: ElementState): boolean => state.phase === 'waiting' || state.phase === 'running';

/** After this long, an element nobody remembers has left the batch system's memory and accounting will not bring it back. */
const FORGOTTEN_MS = 10 * 60_000;

function isOver(deps: CoordinatorDeps, row: Submission, own: readonly ElementState[]): boolean {
  if (own.length > 0 && own.every((state) => state.phase === 'ended')) return true;
  const ageMs = deps.clock.nowMs() - (row.submittedMs ?? row.createdMs);
  return ageMs > FORGOTTEN_MS && !own.some(isLive);
}
