import { describe, expect, it } from 'vitest';
import { evictSlot } from '../../../src/limiter/site-pools.ts';
import type { PoolSlot } from '../../../src/ports/limiter.ts';
import type { HostileRates } from '../../support/hostile.ts';
import { createPoolRig, POOL, type PoolProcess } from '../../support/pool-rig.ts';

const LEASE_MS = 6_000;
const SLOTS = 3;
const PROCESSES = 6;
const ROUNDS = 60;
const ROUND_MS = 2_000;

interface Record {
  live: number;
  most: number;
  grants: number;
  lost: number;
  readonly fences: Map<number, number>;
}

interface Holding {
  readonly process: PoolProcess;
  end(): void;
}

/**
 * Processes that hold slots for a while each, some of which die or are cut off, while people take slots away and the table refuses, delays and loses
 * answers. A holder is live from the moment it has its slot until it gives it back, is told that it lost it, or dies.
 */
async function runFleet(seed: number, rates: HostileRates, latencyMs: number): Promise<Record> {
  const rig = createPoolRig({ seed, rates, latencyMs });
  await rig.define(SLOTS, LEASE_MS);
  const { clock, random } = rig;
  const record: Record = { live: 0, most: 0, grants: 0, lost: 0, fences: new Map() };
  const holdings = new Set<Holding>();
  let isOver = false;

  const note = (process: PoolProcess, slot: PoolSlot): Holding => {
    record.grants += 1;
    record.live += 1;
    record.most = Math.max(record.most, record.live);
    expect(slot.fence).toBeGreaterThan(record.fences.get(slot.index) ?? 0);
    record.fences.set(slot.index, slot.fence);
    const holding: Holding = {
      process,
      end() {
        if (holdings.delete(holding)) record.live -= 1;
      },
    };
    holdings.add(holding);
    slot.signal.addEventListener('abort', () => {
      record.lost += 1;
      holding.end();
    });
    if (slot.signal.aborted) holding.end();
    return holding;
  };
  const work = async (process: PoolProcess): Promise<void> => {
    while (!isOver && !process.isDead) {
      const slot = await process.pools.acquire(POOL);
      if (process.isDead) return;
      const holding = note(process, slot);
      await clock.sleep(Math.ceil(random.next() * 2 * LEASE_MS));
      if (process.isDead) return;
      holding.end();
      await slot.release();
    }
  };
  const startOne = (): PoolProcess => {
    const process = rig.start();
    void work(process);
    void work(process);
    return process;
  };

  let fleet = Array.from({ length: PROCESSES }, startOne);
  for (let round = 0; round < ROUNDS; round += 1) {
    await clock.advance(ROUND_MS);
    const one = fleet[Math.floor(random.next() * fleet.length)] as PoolProcess;
    const what = random.next();
    if (what < 0.15) {
      one.isDead = true;
      for (const holding of holdings) if (holding.process === one) holding.end();
      fleet = [...fleet.filter((other) => other !== one), startOne()];
    } else if (what < 0.35) one.isCutOff = !one.isCutOff;
    else if (what < 0.4)
      await evictSlot(rig.table, { name: POOL, slot: Math.floor(random.next() * SLOTS) }, { source: 'ada' });
  }
  const before = record.grants;
  for (const process of fleet) process.isCutOff = false;
  await clock.advance(30 * LEASE_MS);
  // Nothing is stuck: everybody goes on when the trouble is over.
  expect(record.grants).toBeGreaterThan(before + 10);
  isOver = true;
  await clock.advance(30 * LEASE_MS);
  expect([record.live, (await rig.heldSlots()).size, (await rig.waiters()).length]).toEqual([0, 0, 0]);
  return record;
}

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

describe('holders of a pool', () => {
  it.each(SEEDS)('are never more than its slots, whoever dies or is cut off (seed %d)', async (seed) => {
    const record = await runFleet(seed, {}, 0);
    expect(record.most).toBe(SLOTS);
  });

  it.each(SEEDS)('nor when the table is slow, refuses, repeats and loses answers (seed %d)', async (seed) => {
    const rates = { throttle: 0.1, loseAnswer: 0.15, repeat: 0.3 };
    const record = await runFleet(100 + seed, rates, LEASE_MS / 6);
    expect(record.most).toBeLessThanOrEqual(SLOTS);
    expect(record.grants).toBeGreaterThan(30);
  });
});
