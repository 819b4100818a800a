import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Side } from '../../src/carrier/needs.ts';
import { createCrashSwitch, SimulatedCrash, type CrashPlan, type CrashSwitch } from '../support/crash.ts';
import { carry, contentOf, createSides, createSpoolJob, untruths, type SpoolJob } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** What happens in the spool between two carries. */
const HISTORY: readonly ((spool: SpoolJob) => Promise<void>)[] = [
  async (spool) => {
    await spool.claim(0);
    await spool.checkpoint(0, 1);
  },
  async (spool) => {
    await spool.commit(0);
    await spool.claim(1);
    await spool.claim(2);
    await spool.checkpoint(2, 2);
  },
  async (spool) => {
    await spool.commit(1);
    await spool.giveUp(2);
    await spool.commit(3);
    await spool.complete('g0-a');
  },
];

const through = (crash: CrashSwitch, side: Side): Side => ({
  store: crash.wrap(side.store),
  state: crash.wrap(side.state),
});

async function carryUntilCrash(sides: { spool: Side; far: Side }, job: SpoolJob, plan: CrashPlan | null) {
  const crash = createCrashSwitch(plan);
  try {
    // The spool is only read, so dying there is dying before the next call to the other side.
    await carry(sides.spool, through(crash, sides.far), job.job);
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return crash.calls();
}

/** The job after so many chapters, carried after each but the last. */
async function storyUpTo(root: string, chapters: number) {
  const sides = createSides(root);
  const job = await createSpoolJob(sides.spool);
  for (const [number, chapter] of HISTORY.slice(0, chapters).entries()) {
    await chapter(job);
    if (number < chapters - 1) await carry(sides.spool, sides.far, job.job);
  }
  return { sides, job };
}

/** All that is in the spool, but for what only a running attempt needs. */
async function expectCarried(sides: { spool: Side; far: Side }, job: SpoolJob): Promise<void> {
  const spool = await contentOf(sides.spool, job);
  const far = await contentOf(sides.far, job);
  for (const [key, text] of Object.entries(spool))
    if (!key.includes('000000/77_0.0/seg/')) expect(far[key], key).toBe(text);
  expect(Object.keys(far).filter((key) => !(key in spool))).toEqual([]);
}

describe('a carrier that dies', () => {
  for (const chapters of [1, 2, 3])
    it(`anywhere in carry ${chapters} leaves a true picture, and the next one completes it`, { timeout: 300_000 }, () =>
      withTempDir(async (root) => {
        const whole = await storyUpTo(join(root, 'whole'), chapters);
        const calls = await carryUntilCrash(whole.sides, whole.job, null);
        expect(calls).toBeGreaterThan(10);
        for (const when of ['before', 'after'] as const)
          for (let at = 0; at < calls; at += 1) {
            const { sides, job } = await storyUpTo(join(root, `${when}-${at}`), chapters);
            await carryUntilCrash(sides, job, { at, when });
            expect(await untruths(sides.far, job), `${when} call ${at}`).toEqual([]);
            if (chapters < HISTORY.length) continue;
            const { record } = await carry(sides.spool, sides.far, job.job);
            expect(record).toMatchObject({ tasks: 4, total: 4, complete: true });
            await expectCarried(sides, job);
          }
      }),
    );
});

/** Holds a process up at one of its port calls, as a long pause would. */
function createGate(at: number) {
  let calls = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (!['get', 'put', 'write', 'createMany'].includes(String(property))) return method;
        return async (...args: unknown[]) => {
          const number = calls++;
          if (number === at) reach();
          if (number >= at) await opened;
          return method(...args);
        };
      },
    });
  return { open, reached, wrap, calls: () => calls };
}

describe('a carrier that sleeps while others carry', () => {
  it('moves no state item back, wherever it fell asleep and without any lease', { timeout: 300_000 }, () =>
    withTempDir(async (root) => {
      const count = createGate(Number.POSITIVE_INFINITY);
      const whole = await storyUpTo(join(root, 'whole'), 2);
      await carry(wrapped(count, whole.sides.spool), wrapped(count, whole.sides.far), whole.job.job);
      for (let at = 0; at < count.calls(); at += 1) {
        const { sides, job } = await storyUpTo(join(root, String(at)), 2);
        const gate = createGate(at);
        const sleeper = carry(wrapped(gate, sides.spool), wrapped(gate, sides.far), job.job).catch(
          (error: unknown) => error,
        );
        await gate.reached;
        await HISTORY[2]?.(job);
        const { record } = await carry(sides.spool, sides.far, job.job);
        expect(record?.complete).toBe(true);
        const after = await contentOf(sides.far, job);
        gate.open();
        await sleeper;
        expect(await contentOf(sides.far, job), `asleep at call ${at}`).toEqual(after);
        expect(await untruths(sides.far, job)).toEqual([]);
      }
    }),
  );
});

const wrapped = (gate: ReturnType<typeof createGate>, side: Side): Side => ({
  store: gate.wrap(side.store),
  state: gate.wrap(side.state),
});
