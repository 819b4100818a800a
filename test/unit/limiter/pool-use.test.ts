import { describe, expect, it } from 'vitest';
import { createPoolRig, POOL, type PoolProcess } from '../../support/pool-rig.ts';

const MEASURED_MS = 100_000;

interface Fleet {
  readonly slots: number;
  readonly processes: number;
  /** Of each process; each asks for a slot again when it has given one back. */
  readonly calls: number;
  /** Mean; from half of it to one and a half. */
  readonly holdMs: number;
}

/** Which share of the slots is used while calls wait for them, how evenly processes have them (Jain), and what a use costs. */
async function useOf({ slots, processes, calls, holdMs }: Fleet) {
  const rig = createPoolRig({ seed: 7, latencyMs: 20 });
  await rig.define(slots);
  const { clock, random } = rig;
  const fleet = Array.from({ length: processes }, () => rig.start());
  const uses = new Map<PoolProcess, number>();
  let [usedMs, isMeasured, isOver] = [0, false, false];
  const work = async (process: PoolProcess): Promise<void> => {
    while (!isOver) {
      const slot = await process.pools.acquire(POOL);
      const begunMs = clock.monotonicMs();
      await clock.sleep(holdMs * (0.5 + random.next()));
      if (isMeasured) {
        usedMs += clock.monotonicMs() - begunMs;
        uses.set(process, (uses.get(process) ?? 0) + 1);
      }
      // As a worker does: its next item asks a moment before.
      void clock.sleep(1).then(() => slot.release());
    }
  };
  for (const process of fleet) for (let call = 0; call < calls; call += 1) void work(process);
  const requests = (): number => fleet.reduce((sum, { counts }) => sum + counts.looks + counts.writes, 0);
  await clock.advance(20_000);
  const before = requests();
  isMeasured = true;
  await clock.advance(MEASURED_MS);
  isMeasured = false;
  isOver = true;
  const counts = [...uses.values()];
  const all = counts.reduce((sum, count) => sum + count, 0);
  return {
    share: usedMs / MEASURED_MS / slots,
    fairness: all ** 2 / (processes * counts.reduce((sum, count) => sum + count ** 2, 0)),
    requests: (requests() - before) / all,
  };
}

describe('slots that are used for a second each', () => {
  it.each<Fleet>([
    { slots: 1, processes: 4, calls: 4, holdMs: 1_000 },
    { slots: 4, processes: 8, calls: 4, holdMs: 1_000 },
    { slots: 8, processes: 40, calls: 1, holdMs: 1_000 },
  ])('are in use most of the time: $slots slots, $processes processes, $calls calls each', async (fleet) => {
    const { share, fairness, requests } = await useOf(fleet);
    expect(share).toBeGreaterThan(0.75);
    expect(fairness).toBeGreaterThan(0.95);
    expect(requests).toBeLessThan(8);
  });
});
