import { endLeftover } from './end-elements.ts';
import { idPrefix } from './layout.ts';
import { markedProcesses, sharesPids, signalQuietly } from './processes.ts';
import type { Supervision } from './supervision.ts';

/** How long killed processes may take to disappear (a process in an uninterruptible wait can outlive its SIGKILL). */
const GONE_WITHIN_MS = 5_000;

/** Ends what a dead supervisor of this host left running, and says so in the journals. */
export async function takeOver(supervision: Supervision): Promise<void> {
  const left = [...supervision.live.values()].flatMap((submission) =>
    [...submission.table.running].map((index) => ({ submission, index, ...submission.table.get(index) })),
  );
  const processes = left.flatMap(({ pid, process: name }) =>
    pid !== undefined && name !== undefined && sharesPids(supervision.host, name) ? [{ pid, name }] : [],
  );
  const alive = () => processes.filter(({ name }) => supervision.host.mayBeAlive(name));
  for (const { pid } of alive()) signalQuietly(-pid, 'SIGKILL');
  // By their environment also those that left their group, or whose pid was never written down.
  const marked = () => markedProcesses(idPrefix(supervision.token));
  for (const pid of marked()) signalQuietly(pid, 'SIGKILL');

  const { clock } = supervision;
  const deadlineMs = clock.monotonicMs() + GONE_WITHIN_MS;
  while ((alive().length > 0 || marked().length > 0) && clock.monotonicMs() < deadlineMs) await clock.sleep(10);
  for (const { submission, index } of left) {
    supervision.log(`${submission.id}_${index}: left behind by another supervisor`);
    endLeftover(supervision, submission, index);
  }
}
