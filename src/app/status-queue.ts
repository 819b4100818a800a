import { describeReason } from '../domain/queue-reasons.ts';
import type { Submission } from '../coordinator/submissions.ts';
import type { QueueView } from '../ports/queue-view.ts';
import type { QueueDocument } from './pace-documents.ts';

/** Reasons that are told; the rest is added up. */
const MOST_REASONS = 6;

/** Why elements of these submissions wait, as the batch system said lately. */
export async function queueDocument(view: QueueView, rows: readonly Submission[]): Promise<QueueDocument> {
  const names = new Set(
    rows.filter(({ kind, state }) => kind === 'array' && state === 'SUBMITTED').map(({ jobName }) => jobName),
  );
  if (names.size === 0) return { askedAt: null, running: null, waiting: [], problem: null };
  const { picture, problem } = await view.look();
  if (picture === null) return { askedAt: null, running: null, waiting: [], problem };
  const reasons = new Map<string, number>();
  for (const { name, reasons: waiting } of picture.queued)
    if (names.has(name))
      for (const { reason, elements } of waiting) reasons.set(reason, (reasons.get(reason) ?? 0) + elements);
  const { running } = picture;
  return {
    askedAt: new Date(picture.askedMs).toISOString(),
    running,
    problem: null,
    waiting: [...reasons]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, MOST_REASONS)
      .map(([reason, elements]) => ({ reason, elements, ...describeReason(reason, { running }) })),
  };
}
