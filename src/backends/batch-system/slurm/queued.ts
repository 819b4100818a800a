import { meaningOfWord } from '../../../domain/batch-words.ts';
import type { QueuedSubmission } from '../../../ports/batch-system.ts';
import type { QueueRow } from './parse-squeue.ts';

/** Slurm's own word where it has no reason. */
const NO_REASON = 'None';

/** Rows of the queue put together by submission: an array has a row for what waits and one for each element that runs. */
export function queuedSubmissions(rows: readonly QueueRow[]): QueuedSubmission[] {
  const found = new Map<string, QueuedSubmission>();
  for (const { id, name, indices, state, reason = NO_REASON } of rows) {
    const phase = meaningOfWord(state)?.phase;
    if (phase !== 'waiting' && phase !== 'running') continue;
    // Of an expression that was cut off there is one element at least.
    const elements = Array.isArray(indices) ? indices.length : 1;
    const known = found.get(id) ?? { handle: { id }, name, waiting: 0, running: 0, reasons: [] };
    found.set(id, {
      ...known,
      [phase]: known[phase] + elements,
      reasons: phase === 'waiting' ? withReason(known.reasons, reason, elements) : known.reasons,
    });
  }
  return [...found.values()];
}

function withReason(
  reasons: QueuedSubmission['reasons'],
  reason: string,
  elements: number,
): QueuedSubmission['reasons'] {
  const before = reasons.find((each) => each.reason === reason)?.elements ?? 0;
  const others = reasons.filter((each) => each.reason !== reason);
  return [...others, { reason, elements: before + elements }].toSorted((a, b) => b.elements - a.elements);
}
