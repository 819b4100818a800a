import { isAppError } from '../errors/app-error.ts';
import { planDecrease } from './adapt.ts';
import type { Buyer } from './buyer.ts';
import type { LimiterDeps } from './needs.ts';
import { createPauses } from './pauses.ts';

export interface Refusals {
  /** The provider refused a call that was sold under generation `g`: this process stops, and one report makes the price dearer for all. */
  note(g: number, retryAfterMs: number | null): void;
  /** Milliseconds until this process may call again. */
  stillMs(): number;
  /** Sends what is still to be reported, now. */
  settled(): Promise<void>;
}

/** Longest that a provider can make everybody wait by one answer. */
const LONGEST_PUSH_MS = 120_000;
/** A shorter wait is this process's alone. */
const SHORTEST_PUSH_MS = 1_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Refusals further apart do not add up. */
const FORGOTTEN_MS = 60_000;
const TRIES = 2;
/** Beyond what the provider asked for, so that not all come back at once. */
const LONGEST_DELAY_MS = 60_000;
/** Refusals of many processes at once are reported in this time, so that all but the first ones are found to be counted. */
const SPREAD_MS = 3_000;

/** Answers to HTTP 429: at once in this process, and once for the whole fleet. */
export function createRefusals(name: string, deps: LimiterDeps, buyer: Buyer): Refusals {
  const { clock, random, time } = deps;
  const pauses = createPauses(random);
  let untilMonoMs = Number.NEGATIVE_INFINITY;
  let lastMonoMs = Number.NEGATIVE_INFINITY;
  let reportedG = -1;
  let report: Promise<unknown> = Promise.resolve();
  const hurry = new AbortController();

  const sendInTime = async (g: number, retryAfterMs: number | null): Promise<void> => {
    const now = time.now();
    const pushMs = Math.min(retryAfterMs ?? 0, LONGEST_PUSH_MS);
    const sellAgainMs = now !== 'unsure' && pushMs >= SHORTEST_PUSH_MS ? now.nowMs + pushMs : null;
    await clock.sleep(random.next() * SPREAD_MS, hurry.signal).catch(() => {});
    try {
      await send({ name, deps, buyer }, g, sellAgainMs);
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (reportedG === g) reportedG = -1;
      deps.log.warn('a refusal of the provider could not be reported', { limit: name, error: error.message });
    }
  };

  return {
    note(g, retryAfterMs) {
      const nowMs = clock.monotonicMs();
      const isNew = nowMs >= untilMonoMs;
      if (nowMs - lastMonoMs > FORGOTTEN_MS) pauses.reset();
      lastMonoMs = nowMs;
      if (retryAfterMs !== null)
        untilMonoMs = Math.max(untilMonoMs, nowMs + retryAfterMs + delayMs(retryAfterMs, random));
      // Calls that were under way together are refused together: one reason to slow down.
      else if (isNew) untilMonoMs = nowMs + pauses.next(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      if (g === reportedG) return;
      reportedG = g;
      report = Promise.all([report, sendInTime(g, retryAfterMs)]);
    },
    stillMs: () => Math.max(0, untilMonoMs - clock.monotonicMs()),
    async settled() {
      hurry.abort();
      await report;
    },
  };
}

const delayMs = (retryAfterMs: number, random: LimiterDeps['random']): number =>
  random.next() * Math.min(retryAfterMs / 2, LONGEST_DELAY_MS);

interface Told {
  readonly name: string;
  readonly deps: LimiterDeps;
  readonly buyer: Buyer;
}

/** Looks first, again when a write is refused: of a storm of refusals most reports find themselves counted, and cost no write. */
async function send({ name, deps, buyer }: Told, g: number, sellAgainMs: number | null): Promise<void> {
  const { time } = deps;
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (buyer.seen()?.g === g) await buyer.look();
    const item = buyer.seen();
    const now = time.now();
    if (item === null || item.g !== g || now === 'unsure') return;
    const isAhead = sellAgainMs !== null && sellAgainMs > now.nowMs;
    const plan = planDecrease(item, { g, nowMs: now.nowMs, sellAgainMs: isAhead ? sellAgainMs : null });
    if (plan === null) return;
    const [isApplied, { m }] = await buyer.write(plan);
    if (isApplied)
      return deps.log.warn('the provider refused calls; the limit sells less for a while', {
        limit: name,
        share: m / 1e6,
      });
  }
}
