// Three ways in which many processes keep one limit together: slurmctl's limiter, a token bucket in the same table that every call asks, and a share
// for each without any talk. All have the same face: `take` waits for the turn of a call, `refused` hears of a 429.
import { load } from './measure.mjs';

export const LIMIT = 'bench';

const BUCKET_KEY = { partition: 'bench', sort: 'bucket' };
/** How much an unused rate may be saved up in the naive bucket, and how long a loser of it waits at most before it asks again, ms. */
const BUCKET_BURST_MS = 1_000;
const POLL_MS = 250;

const SILENT = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The limit as the site says it, and the item of the naive bucket; made once for all processes. */
export async function prepare(state, rate) {
  const { setLimit } = await load('limiter/site-limits.js');
  const definition = { rates: { requests: rate }, quotas: [], burstMs: 0, mode: 'statistical' };
  await setLimit(state, { name: LIMIT, definition }, { source: 'bench', nowMs: Date.now() });
  await state.write(BUCKET_KEY, { set: { held: 0, atMs: Date.now(), v: 0 } }, { op: 'item-absent' });
}

/** A table that counts the requests of its process. */
export function counted(state) {
  const counts = { reads: 0, writes: 0, refused: 0 };
  return {
    counts,
    sharedTime: state.sharedTime,
    get(...args) {
      counts.reads += 1;
      return state.get(...args);
    },
    async write(...args) {
      counts.writes += 1;
      const result = await state.write(...args);
      if (!result.applied) counts.refused += 1;
      return result;
    },
  };
}

/** `rate` is the whole limit, `share` the part of it that a static split gives this process. */
export const CONTENDERS = {
  async limiter({ state, clock, random }) {
    const { createLimiter } = await load('limiter/limiter.js');
    // As a process that has hours left, which may buy far ahead.
    const deps = { state, time: state.sharedTime, clock, random, log: SILENT, endsAtMs: null };
    const limiter = createLimiter(deps);
    return {
      take: (signal) => limiter.take(LIMIT, { requests: 1 }, signal),
      refused: (retryAfterMs) => limiter.tooManyRequests(LIMIT, retryAfterMs),
      close: () => limiter.close(),
      expiredLeases: () => limiter.figures()[LIMIT]?.expiredLeases ?? 0,
    };
  },
  async bucket({ state, rate, random }) {
    const perMs = rate.amount / rate.perMs;
    let seen = null;
    return {
      async take(signal) {
        for (;;) {
          signal.throwIfAborted();
          seen ??= await state.get(BUCKET_KEY);
          const nowMs = Date.now();
          const held = Math.min(BUCKET_BURST_MS * perMs, seen.held + Math.max(0, nowMs - seen.atMs) * perMs);
          if (held >= 1) {
            const set = { held: held - 1, atMs: Math.max(nowMs, seen.atMs), v: seen.v + 1 };
            const result = await state.write(BUCKET_KEY, { set }, { op: 'equals', path: 'v', value: seen.v });
            seen = result.applied ? result.item : result.current;
            if (result.applied) return;
          } else {
            seen = null;
          }
          await later(random.next() * POLL_MS);
        }
      },
      refused() {},
      async close() {},
      expiredLeases: () => 0,
    };
  },
  async split({ rate, share }) {
    const gapMs = rate.perMs / (rate.amount * share);
    let nextMs = performance.now() + Math.random() * gapMs;
    return {
      async take(signal) {
        const dueMs = Math.max(nextMs, performance.now());
        nextMs = dueMs + gapMs;
        await later(dueMs - performance.now());
        signal.throwIfAborted();
      },
      refused() {},
      async close() {},
      expiredLeases: () => 0,
    };
  },
};
