import type { OutboxItem } from '../../../../src/domain/alert-items.ts';
import { asJobId } from '../../../../src/domain/ids.ts';

/** A message that waits and that nobody has tried. */
export function outboxItem(over: Partial<OutboxItem> = {}): OutboxItem {
  const { job = asJobId('embed-7k3f9q2m') } = over;
  return {
    kind: 'message',
    job,
    user: 'ada',
    to: 'ops',
    subject: 'failed',
    text: 'it failed',
    event: {
      schema: 'slurmctl.alert/1',
      id: `${job}#0#failed`,
      event: 'failed',
      at: '2026-01-01T00:00:00.000Z',
      job: { id: job, name: 'embed', state: 'FAILED', generation: 0 },
      items: { total: 10, succeeded: 5, failed: 5, pending: 0 },
      what: 'it failed',
      next: `slurmctl status ${job}`,
    },
    createdMs: 1,
    state: 'waiting',
    tries: 0,
    claim: '',
    claimedMs: 0,
    host: '',
    notBeforeMs: 0,
    endedMs: 0,
    detail: '',
    ...over,
  };
}
