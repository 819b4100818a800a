/** What the batch script does when its worker has died: a process of its own says so, as src/app/report-end-main.ts does. */
import { backoffMs } from '../../src/retry/backoff.ts';
import { reportEnd } from '../../src/worker/report-end.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { SimProcess } from './core/processes.ts';
import type { Ports } from './programs.ts';

const PATIENCE_MS = 6_000;
const KILLED = 128 + 9;

/** Starts the report on a dead worker, which on a busy node takes a while; null when it left nothing to report. */
export function startReport(ports: Ports, dead: SimProcess, startsAfterMs: number): SimProcess | null {
  const reading = ports.beacons.read(dead);
  if (reading === null) return null;
  const { name, node, attempt, batchJobId } = dead;
  return ports.processes.spawn(
    { name: `report ${name}`, kind: 'report', node, attempt: attempt ?? '', batchJobId: batchJobId ?? '' },
    async (self) => {
      const clock = ports.processes.clockOf(self);
      const random = createSeededRandom(ports.plan.seed * 7_919 + self.pid);
      const deps = { state: ports.state.portOf(self), clock, random, backoffMs, stop: new AbortController().signal };
      await clock.sleep(startsAfterMs);
      const input = { endsAtMs: clock.nowMs() + PATIENCE_MS };
      await reportEnd({ deps, input }, { reading, status: KILLED, evidence: null });
      return 0;
    },
  );
}
