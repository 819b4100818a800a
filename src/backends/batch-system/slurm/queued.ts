import { meaningOfWord } from '../../../domain/batch-words.ts';
import type { QueuedSubmission } from '../../../ports/batch-system.ts';
import type { QueueRow } from './parse-squeue.ts';

/** Rows of the queue put together by submission: an array has a row for what waits and one for each element that runs. */
export function queuedSubmissions(rows: readonly QueueRow[]): QueuedSubmission[] {
  const found = new Map<string, QueuedSubmission>();
  for (const { id, name, indices, state, reason } of rows) {
    const phase = meaningOfWord(state)?.phase;
    if (phase !== 'waiting' && phase !== 'running') continue;
    // Of an expression that was cut off there is one element at least.
    const elements = Array.isArray(indices) ? indices.length : 1;
    const known = found.get(id) ?? { handle: { id }, name, waiting: 0, running: 0 };
    found.set(id, {
      ...known,
      [phase]: known[phase] + elements,
      ...(phase === 'waiting' && reason !== undefined ? { reason } : {}),
    });
  }
  return [...found.values()];
}
