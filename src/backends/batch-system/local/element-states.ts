import { classify } from '../../../domain/classify.ts';
import { HELD, type ElementState } from '../../../ports/batch-system.ts';
import type { ElementRecord } from './element-table.ts';
import type { SubmissionView } from './read-submission.ts';

export interface StateQuery {
  readonly id: string;
  readonly count: number;
  readonly hostname: string;
  readonly nowMs: number;
}

/** The port's states of a submission's elements, `query.count` of them. */
export function elementStates(view: SubmissionView, query: StateQuery): ElementState[] {
  const waiting = waitingReason(view, query.nowMs);
  return Array.from({ length: query.count }, (_, index) =>
    index < view.table.count
      ? stateOf(view.table.get(index), { id: query.id, index, hostname: query.hostname, waiting })
      : unknownElement(query.id, index, `the submission has ${view.table.count} elements`),
  );
}

export const unknownElement = (id: string, index: number, reason: string): ElementState => ({
  id,
  index,
  phase: 'unknown',
  cause: null,
  rawState: 'UNKNOWN',
  reason,
});

/** In Slurm's words. */
function waitingReason({ request, table }: SubmissionView, nowMs: number): string {
  if (table.held) return HELD;
  if (nowMs < request.beginMs) return 'BeginTime';
  if (request.after.length > 0 && !table.started) return 'Dependency';
  return table.running.size >= table.throttle ? 'JobArrayTaskLimit' : 'Resources';
}

interface ElementContext {
  readonly id: string;
  readonly index: number;
  readonly hostname: string;
  readonly waiting: string;
}

function stateOf(record: ElementRecord, { id, index, hostname, waiting }: ElementContext): ElementState {
  const { phase, restarts } = record;
  if (phase === 'waiting') {
    return { id, index, phase, cause: null, restarts, rawState: 'PENDING', reason: waiting };
  }
  if (phase === 'running') {
    const rawState = record.killing === undefined ? 'RUNNING' : 'COMPLETING';
    return { id, index, phase, cause: null, restarts, node: hostname, rawState };
  }
  if (record.how === undefined) throw new Error(`element ${id}_${index} ended without a word`);
  const exit = {
    ...(record.exit === undefined ? {} : { exitCode: record.exit }),
    ...(record.signal === undefined ? {} : { signal: record.signal }),
  };
  return {
    id,
    index,
    phase,
    restarts,
    node: hostname,
    rawState: record.how,
    cause: record.how === 'COMPLETED' ? null : classify({ batchState: record.how, ...exit }),
    ...exit,
    ...(record.note === undefined ? {} : { reason: record.note }),
  };
}
