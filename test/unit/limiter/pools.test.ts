import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/errors/app-error.ts';
import { evictSlot } from '../../../src/limiter/site-pools.ts';
import type { PoolSlot } from '../../../src/ports/limiter.ts';
import { createPoolRig, LEASE_MS, POOL, type PoolProcess, type PoolRig } from '../../support/pool-rig.ts';

/** Lets what needs no time happen, and a look of those who wait for the first time. */
const A_MOMENT_MS = 10;
/** In which whoever is at the front looks again. */
const A_LOOK_MS = 2_500;

interface Asked {
  slot: PoolSlot | null;
  error: unknown;
}

/** A call that waits; what became of it is there as soon as something did. */
function ask({ pools }: Pick<PoolProcess, 'pools'>, signal?: AbortSignal): Asked {
  const asked: Asked = { slot: null, error: null };
  pools.acquire(POOL, signal).then(
    (slot) => (asked.slot = slot),
    (error: unknown) => (asked.error = error),
  );
  return asked;
}

async function rigWith(slots: number): Promise<PoolRig> {
  const rig = createPoolRig();
  await rig.define(slots);
  return rig;
}

/** A call that has its slot. */
async function hold(rig: PoolRig, process: PoolProcess): Promise<PoolSlot> {
  const asked = ask(process);
  await rig.clock.advance(A_MOMENT_MS);
  if (asked.slot === null) throw asked.error ?? new Error('no slot was free');
  return asked.slot;
}

describe('a slot', () => {
  it('that is free costs one write, and one to give it back', async () => {
    const rig = await rigWith(2);
    const process = rig.start();
    const slot = await hold(rig, process);
    expect(process.counts).toEqual({ looks: 1, writes: 1, refused: 0 });
    expect([...(await rig.heldSlots()).values()]).toMatchObject([{ fence: 1, job: 'job-1', node: 'n1', priority: 0 }]);
    await slot.release();
    await slot.release();
    expect(process.counts.writes).toBe(2);
    expect((await rig.view()).slots.get(slot.index)).toEqual({ fence: 1 });
    await rig.clock.advance(10 * LEASE_MS);
    expect([process.counts.writes, slot.signal.aborted, rig.clock.pending()]).toEqual([2, false, 0]);
  });

  it('is given back at the end of its block, and has a larger fence for the next holder', async () => {
    const rig = await rigWith(1);
    const process = rig.start();
    const fences = [];
    for (let round = 0; round < 3; round += 1) {
      await using slot = await hold(rig, process);
      fences.push(slot.fence);
    }
    expect(fences).toEqual([1, 2, 3]);
  });

  it('stays its holder for as long as heartbeats arrive', async () => {
    const rig = await rigWith(1);
    const holder = rig.start();
    const slot = await hold(rig, holder);
    const other = ask(rig.start());
    await rig.clock.advance(20 * LEASE_MS);
    expect([slot.signal.aborted, other.slot]).toEqual([false, null]);
    // One write to take it, and a heartbeat each third of the lease.
    expect(holder.counts.writes).toBe(1 + 60);
    await slot.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 2 });
  });

  it('of a dead holder comes back when one observer saw the same heartbeat for a whole lease', async () => {
    const rig = await rigWith(1);
    const dead = rig.start();
    await hold(rig, dead);
    dead.isDead = true;
    await rig.clock.advance(10 * LEASE_MS);
    const other = ask(rig.start());
    await rig.clock.advance(LEASE_MS - 1);
    expect(other.slot).toBeNull();
    await rig.clock.advance(A_LOOK_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 2 });
  });

  it('is given up by a holder that is cut off before anybody can take it', async () => {
    const rig = await rigWith(1);
    const holder = rig.start();
    const slot = await hold(rig, holder);
    const other = ask(rig.start());
    await rig.clock.advance(LEASE_MS / 3);
    holder.isCutOff = true;
    // The last heartbeat that was answered is as old as this.
    await rig.clock.advance((LEASE_MS * 2) / 3 - 20);
    expect(slot.signal.aborted).toBe(false);
    await rig.clock.advance(20);
    expect(slot.signal.aborted).toBe(true);
    expect(slot.signal.reason).toMatchObject({ code: 'POOL_SLOT_LOST' });
    expect(String(slot.signal.reason)).toContain('slot 0 of pool db is given up: no heartbeat was answered');
    expect(other.slot).toBeNull();
    await rig.clock.advance(LEASE_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 2 });
    holder.isCutOff = false;
    // Late, and no longer its own: the new holder keeps it.
    await slot.release();
    expect((await rig.heldSlots()).get(0)).toMatchObject({ fence: 2, node: 'n2' });
  });

  it('survives an outage that is shorter than two thirds of the lease', async () => {
    const rig = await rigWith(1);
    const holder = rig.start();
    const slot = await hold(rig, holder);
    holder.isCutOff = true;
    await rig.clock.advance(LEASE_MS / 2);
    holder.isCutOff = false;
    await rig.clock.advance(10 * LEASE_MS);
    expect(slot.signal.aborted).toBe(false);
  });

  it('that is taken away is lost at the next heartbeat, and nobody else has it before its holder has stopped', async () => {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    const other = ask(rig.start());
    const evicted = await evictSlot(rig.table, { name: POOL, slot: 0 }, { source: 'ada@login1' });
    expect(evicted).toMatchObject({ fence: 1, node: 'n1' });
    expect((await rig.heldSlots()).get(0)).toMatchObject({ fence: 2, evictedBy: 'ada@login1' });
    await rig.clock.advance(LEASE_MS / 3);
    expect(slot.signal.reason).toMatchObject({
      code: 'POOL_SLOT_LOST',
      message: 'slot 0 of pool db was taken away by ada@login1',
    });
    await rig.clock.advance(LEASE_MS / 3);
    expect(other.slot).toBeNull();
    await slot.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 3 });
    expect((await rig.heldSlots()).get(0)).not.toHaveProperty('evictedBy');
  });

  it('that is taken away from a holder that does not stop is free after a lease', async () => {
    const rig = await rigWith(1);
    await hold(rig, rig.start());
    const other = ask(rig.start());
    await evictSlot(rig.table, { name: POOL, slot: 0 }, { source: 'ada@login1' });
    await rig.clock.advance(LEASE_MS + A_LOOK_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 3 });
  });

  it('that was taken over is lost', async () => {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    await rig.table.write(
      { partition: 'P#db', sort: 'S#000' },
      { set: { owner: 'other', fence: 9 } },
      { op: 'item-present' },
    );
    await rig.clock.advance(LEASE_MS / 3);
    expect(String(slot.signal.reason)).toContain('slot 0 of pool db was taken over by another holder');
  });
});

describe('waiting for a slot', () => {
  it('is in the order of asking, and costs two writes more and a heartbeat a third of a lease', async () => {
    const rig = await rigWith(1);
    let slot = await hold(rig, rig.start());
    const waiting = [];
    for (let number = 0; number < 4; number += 1) {
      const process = rig.start();
      waiting.push({ process, asked: ask(process) });
      await rig.clock.advance(A_MOMENT_MS);
    }
    expect((await rig.waiters()).map(({ ticket }) => ticket).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    for (const [number, { asked, process }] of waiting.entries()) {
      await slot.release();
      await rig.clock.advance(A_LOOK_MS);
      expect(waiting.map(({ asked: { slot: found } }) => found !== null)).toEqual(
        waiting.map((_, place) => place <= number),
      );
      slot = asked.slot as PoolSlot;
      expect(process.counts).toMatchObject({ writes: 3, refused: 0 });
    }
    expect(await rig.waiters()).toEqual([]);
  });

  it('goes by priority first', async () => {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    const order: string[] = [];
    for (const [name, priority] of [
      ['low', -1],
      ['first', 0],
      ['second', 0],
      ['high', 5],
    ] as const) {
      void rig
        .start(priority)
        .pools.acquire(POOL)
        .then(async (found) => {
          order.push(name);
          await found.release();
        });
      await rig.clock.advance(A_MOMENT_MS);
    }
    await slot.release();
    await rig.clock.advance(10 * A_LOOK_MS);
    expect(order).toEqual(['high', 'first', 'second', 'low']);
  });

  /** Calls of one process that wait first, then one of another; who has the slot, in that order. */
  async function manyAndOne(holdMs: number) {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    const order: string[] = [];
    const fences: number[] = [];
    const [many, one] = [rig.start(), rig.start()];
    const work = async (process: PoolProcess): Promise<void> => {
      const found = await process.pools.acquire(POOL);
      order.push(process === many ? 'many' : 'one');
      fences.push(found.fence);
      await rig.clock.sleep(holdMs);
      await found.release();
    };
    const all = [many, many, many].map(work);
    await rig.clock.advance(A_MOMENT_MS);
    all.push(work(one));
    await rig.clock.advance(A_MOMENT_MS);
    expect(many.pools.waiting()).toEqual({ name: POOL, calls: 3 });
    await slot.release();
    await rig.clock.advance(10 * A_LOOK_MS + 4 * holdMs);
    await Promise.all(all);
    expect([many.pools.waiting(), await rig.waiters(), (await rig.heldSlots()).size]).toEqual([null, [], 0]);
    expect(fences).toEqual([2, 3, 4, 5]);
    return { order, many };
  }

  it('is by turns of the processes, however many calls each has', async () => {
    const { order } = await manyAndOne(5_000);
    expect(order).toEqual(['many', 'one', 'many', 'many']);
  });

  it('is by turns of some seconds: short calls of a process have a slot one after the other, for one write each', async () => {
    const { order, many } = await manyAndOne(100);
    expect(order).toEqual(['many', 'many', 'many', 'one']);
    // To stand in line for the first and for the others, to leave it, to take the slot, to pass it on twice and to give it back.
    expect(many.counts).toMatchObject({ writes: 7, refused: 0 });
  });

  it('ends a turn of short calls for those of other processes', async () => {
    const rig = await rigWith(1);
    const [busy, one] = [rig.start(), rig.start()];
    let isOver = false;
    const work = async (): Promise<void> => {
      while (!isOver) {
        const found = await busy.pools.acquire(POOL);
        await rig.clock.sleep(200);
        await found.release();
      }
    };
    void work();
    void work();
    await rig.clock.advance(60_000);
    const asked = ask(one);
    await rig.clock.advance(5_000 + 200 + A_LOOK_MS);
    expect(asked.slot).not.toBeNull();
    isOver = true;
    await asked.slot?.release();
    await rig.clock.advance(60_000);
    expect((await rig.heldSlots()).size).toBe(0);
  });

  it('for a slot that was taken away meanwhile goes on, and nobody has it unseen', async () => {
    const rig = await rigWith(1);
    const process = rig.start();
    const slot = await hold(rig, process);
    const next = ask(process);
    await rig.clock.advance(A_MOMENT_MS);
    await evictSlot(rig.table, { name: POOL, slot: 0 }, { source: 'ada' });
    await slot.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(next.slot).toMatchObject({ index: 0, fence: 3 });
    expect((await rig.heldSlots()).get(0)).not.toHaveProperty('evictedBy');
  });

  it('behind a waiter that died ends when that one was silent for a lease', async () => {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    const dead = rig.start();
    ask(dead);
    await rig.clock.advance(A_MOMENT_MS);
    const other = ask(rig.start());
    await rig.clock.advance(A_MOMENT_MS);
    dead.isDead = true;
    await slot.release();
    await rig.clock.advance(LEASE_MS - 100);
    expect(other.slot).toBeNull();
    await rig.clock.advance(2 * A_LOOK_MS);
    expect(other.slot).not.toBeNull();
  });

  it('behind a waiter that lives goes on, however slow that one is', async () => {
    const rig = await rigWith(2);
    const slots = [await hold(rig, rig.start()), await hold(rig, rig.start())];
    const [first, second] = [ask(rig.start()), ask(rig.start())];
    await rig.clock.advance(10 * LEASE_MS);
    await slots[0]?.release();
    await rig.clock.advance(A_LOOK_MS);
    expect([first.slot, second.slot].filter((found) => found !== null)).toHaveLength(1);
  });

  it('ends with the reason of the signal, and the place is left', async () => {
    const rig = await rigWith(1);
    const slot = await hold(rig, rig.start());
    const gone = new AbortController();
    const asked = ask(rig.start(), gone.signal);
    const last = ask(rig.start());
    await rig.clock.advance(A_LOOK_MS);
    gone.abort(new Error('enough'));
    await rig.clock.advance(0);
    expect(asked.error).toMatchObject({ message: 'enough' });
    expect(await rig.waiters()).toHaveLength(1);
    await slot.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(last.slot).not.toBeNull();
    await expect(rig.start().pools.acquire(POOL, gone.signal)).rejects.toThrow('enough');
  });

  it('that ends while its slot is being taken gives the slot back', async () => {
    const rig = createPoolRig({ latencyMs: 100 });
    await rig.define(1);
    const gone = new AbortController();
    const process = rig.start();
    ask(process, gone.signal);
    while (process.counts.writes === 0) await rig.clock.advance(1);
    gone.abort(new Error('enough'));
    await rig.clock.advance(1_000);
    expect(await rig.heldSlots()).toEqual(new Map());
  });

  it('is for as many as there are slots', async () => {
    const rig = await rigWith(3);
    const asked = Array.from({ length: 8 }, () => ask(rig.start()));
    await rig.clock.advance(10_000);
    const slots = asked.flatMap(({ slot }) => (slot === null ? [] : [slot.index]));
    expect(slots.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  });

  it('ends when the table tells that there is no such pool', async () => {
    const rig = createPoolRig();
    await expect(rig.start().pools.acquire(POOL)).rejects.toMatchObject({ code: 'POOL_UNKNOWN' });
  });

  it('goes on while the table does not answer', async () => {
    const rig = await rigWith(1);
    const process = rig.start();
    process.isCutOff = true;
    const asked = ask(process);
    await rig.clock.advance(LEASE_MS);
    process.isCutOff = false;
    await rig.clock.advance(10_000);
    expect(asked.slot).toMatchObject({ index: 0 });
  });

  it('ends with the process, which gives back what it holds', async () => {
    const rig = await rigWith(1);
    const process = rig.start();
    const slot = await hold(rig, process);
    const asked = ask(process);
    await rig.clock.advance(A_LOOK_MS);
    await process.pools.close();
    expect(isAppError(asked.error, 'POOL_WAIT_ENDED')).toBe(true);
    expect([slot.signal.aborted, await rig.heldSlots(), await rig.waiters()]).toEqual([false, new Map(), []]);
    await expect(process.pools.acquire(POOL)).rejects.toMatchObject({ code: 'POOL_WAIT_ENDED' });
    expect(rig.clock.pending()).toBe(0);
  });

  it('leaves a slot that may be in use to the end of the process, and to its lease', async () => {
    const rig = await rigWith(1);
    const process = rig.start();
    const slot = await hold(rig, process);
    slot.keep();
    await process.pools.close();
    await rig.clock.advance(2 * LEASE_MS);
    expect([slot.signal.aborted, (await rig.heldSlots()).size]).toEqual([false, 1]);
    process.isDead = true;
    const other = ask(rig.start());
    await rig.clock.advance(LEASE_MS + A_LOOK_MS);
    expect(other.slot).toMatchObject({ index: 0, fence: 2 });
  });
});

describe('fewer slots than are held', () => {
  it('take none away, and nobody has another until enough are given back', async () => {
    const rig = await rigWith(4);
    const slots = [];
    for (let number = 0; number < 4; number += 1) slots.push(await hold(rig, rig.start()));
    const byIndex = slots.toSorted((a, b) => a.index - b.index);
    await rig.define(2);
    const asked = [ask(rig.start()), ask(rig.start())];
    // The lower two are free then, and the upper two still held.
    await byIndex[0]?.release();
    await byIndex[1]?.release();
    await rig.clock.advance(5 * LEASE_MS);
    expect(asked.filter(({ slot }) => slot !== null)).toEqual([]);
    await byIndex[3]?.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(asked.filter(({ slot }) => slot !== null)).toHaveLength(1);
    await byIndex[2]?.release();
    await rig.clock.advance(A_LOOK_MS);
    expect(new Set(asked.map(({ slot }) => slot?.index))).toEqual(new Set([0, 1]));
  });
});
