/** Thousands of processes that share one limit, and the judge of what came of it. */
import type { Cost, LimitDefinition, LimitItem, LimitUnit } from '../../../src/domain/limit.ts';
import { priceUs } from '../../../src/limiter/price.ts';
import { quotaWindowsAfter, soldUntilAfter } from '../../../src/limiter/redefine.ts';
import { MOST_ERROR_MS, mostSeen } from '../../../src/limiter/safety.ts';
import type { StateChange, StateItem } from '../../../src/ports/state-table.ts';
import { createChance, type Chance } from '../core/chance.ts';
import { createVirtualTime, type VirtualTime } from '../core/virtual-time.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { LARGEST_CALL } from './plans.ts';
import { createStalls, stalledTime, type StallPlan } from './stalls.ts';
import { createLimitTable, type AppliedWrite, type Rewrite, type TableWeather } from './table.ts';
import { createFleetWorker, EPOCH_MS, type FleetWorker, type WorkerHabits } from './worker.ts';

export interface FleetPlan {
  readonly seed: number;
  readonly workers: number;
  readonly definition: LimitDefinition;
  readonly weather: TableWeather;
  readonly habits: WorkerHabits;
  /** Absent: every process runs whenever it is to. */
  readonly stalls?: StallPlan;
  readonly lengthMs: number;
  /** Workers that end within the run, and how many of them are killed rather than drained; another one begins in the place of each. */
  readonly ends: number;
  readonly killedShare: number;
  /** So many drain at this moment, and nobody begins in their place. */
  readonly closing?: { readonly atMs: number; readonly workers: number };
  /** A call is counted by the provider so much later, at most. */
  readonly spreadMs: number;
  /** A person changes the limit at these moments. */
  readonly changes: readonly { readonly atMs: number; readonly definition: LimitDefinition }[];
  readonly rewrite?: Rewrite;
  /** The provider refuses beyond this many calls in any second. */
  readonly refusesAbove?: number;
  /** The provider refuses everything within this stretch. */
  readonly refusesWithin?: readonly [fromMs: number, toMs: number];
}

export interface FleetResult {
  readonly violations: readonly string[];
  readonly ledgers: ReadonlyMap<LimitUnit, Ledger>;
  readonly writes: number;
  readonly refusedWrites: number;
  readonly reads: number;
  readonly granted: number;
  readonly refusedCalls: number;
  /** Writes that told of refusals. */
  readonly reports: number;
  /** Calls of the workers that lived through it all. */
  readonly perWorker: readonly number[];
  readonly expiredLeases: number;
  readonly item: LimitItem;
  /** Changes everything that happened; two runs of a seed give the same. */
  readonly hash: number;
}

const WINDOWS_MS = [1_000, 10_000, 60_000];
/** A slot that was given back is sold again within the horizon and the grace. */
const RETURN_LASTS_MS = 130_000;

export async function runFleet(plan: FleetPlan): Promise<FleetResult> {
  const chance = createChance(plan.seed);
  const time = createVirtualTime();
  const violations: string[] = [];
  const book = createBook(violations, plan);
  const item = freshItem(plan.definition);
  const table = createLimitTable({
    time,
    chance: chance.fork('table'),
    weather: plan.weather,
    item: item as unknown as StateItem,
    onApplied: (write) => book.note(write),
    ...(plan.rewrite === undefined ? {} : { rewrite: plan.rewrite }),
  });
  const workers: FleetWorker[] = [];
  const provider = createProvider(plan, time, chance.fork('spread'));
  const stalls = plan.stalls === undefined ? null : createStalls(plan.stalls, chance.fork('stalls'), plan.lengthMs);
  const begin = (): FleetWorker => {
    const id = workers.length;
    const worker = createFleetWorker({
      id,
      time: stalls === null ? time : stalledTime(time, stalls(id)),
      chance: chance.fork(`worker ${id}`),
      table,
      habits: plan.habits,
      call: provider.call,
    });
    workers.push(worker);
    return worker;
  };
  for (let at = 0; at < plan.workers; at += 1) time.after(chance.between(0, 2_000), true, () => void begin());
  scheduleEnds(plan, chance.fork('ends'), (atMs, isKill) =>
    time.after(atMs, true, () => {
      const alive = workers.filter((worker) => worker.isAlive());
      const victim = chance.pick(alive);
      if (isKill) {
        victim.kill();
        book.killed(victim.id, time.nowMs());
      } else void victim.drain();
      begin();
    }),
  );
  const { closing } = plan;
  if (closing !== undefined)
    time.after(closing.atMs, false, () => {
      for (const worker of workers.filter((one) => one.isAlive()).slice(0, closing.workers)) void worker.drain();
    });
  for (const { atMs, definition } of plan.changes)
    time.after(atMs, false, () => {
      const before = table.peek() as unknown as LimitItem;
      table.replace(redefined(before, definition, EPOCH_MS + time.nowMs()) as unknown as StateItem);
    });
  await time.run(plan.lengthMs, () => false);
  book.check(provider.ledgers);
  return {
    violations,
    ledgers: provider.ledgers,
    writes: table.counts.writes,
    refusedWrites: table.counts.refused,
    reads: table.counts.reads,
    granted: workers.reduce((sum, worker) => sum + worker.granted(), 0),
    refusedCalls: provider.refused(),
    reports: table.counts.reports,
    perWorker: workers
      .filter((worker) => worker.isAlive() && worker.startedMs <= 2_000)
      .map((worker) => worker.granted()),
    expiredLeases: workers.reduce((sum, { limiter }) => sum + (limiter.figures()['api']?.expiredLeases ?? 0), 0),
    item: table.peek() as unknown as LimitItem,
    hash: provider.hash(),
  };
}

/** Counts what arrives, and refuses what the plan says. */
function createProvider(plan: FleetPlan, time: VirtualTime, spreads: Chance) {
  const ledgers = new Map<LimitUnit, Ledger>();
  let refusedCalls = 0;
  let hash = 0;
  let lastSecond = { from: 0, calls: 0 };
  const call = (worker: number, actual: Readonly<Record<string, number>>): { retryAfterMs: number } | null => {
    const atMs = time.nowMs() + spreads.between(0, plan.spreadMs);
    hash = (Math.imul(hash, 31) + worker + Math.floor(time.nowMs() * 1_000)) | 0;
    for (const [unit, units] of Object.entries(actual)) {
      const ledger = ledgers.get(unit) ?? createLedger();
      ledgers.set(unit, ledger);
      ledger.note(atMs, units);
    }
    if (Math.floor(time.nowMs() / 1_000) !== lastSecond.from)
      lastSecond = { from: Math.floor(time.nowMs() / 1_000), calls: 0 };
    lastSecond.calls += 1;
    const [fromMs, toMs] = plan.refusesWithin ?? [0, 0];
    const isStorm = time.nowMs() >= fromMs && time.nowMs() < toMs;
    if (!isStorm && (plan.refusesAbove === undefined || lastSecond.calls <= plan.refusesAbove)) return null;
    refusedCalls += 1;
    return { retryAfterMs: 500 };
  };
  return { call, ledgers, refused: () => refusedCalls, hash: () => hash };
}

/** As `limit set` leaves it. */
function redefined(before: LimitItem, definition: LimitDefinition, nowMs: number): LimitItem {
  const t = soldUntilAfter(before, definition, nowMs);
  const windows = quotaWindowsAfter(before, definition);
  return { ...before, definition, g: before.g + 1, setMs: nowMs, windows, ...(t === undefined ? {} : { t }) };
}

const freshItem = (definition: LimitDefinition): LimitItem => ({
  definition,
  source: 'simulation',
  setMs: EPOCH_MS,
  g: 1,
  m: 1_000_000,
  refusals: 0,
  sinceMs: EPOCH_MS,
  sold: {},
  windows: {},
});

function scheduleEnds(plan: FleetPlan, chance: Chance, at: (atMs: number, isKill: boolean) => void): void {
  for (let end = 0; end < plan.ends; end += 1) at(chance.between(5_000, plan.lengthMs), chance.one(plan.killedShare));
}

/** Watches the item: slots are disjoint and paid for, nobody holds more than it may, and no window of the provider holds more than was promised. */
function createBook(violations: string[], plan: FleetPlan) {
  const returns: { readonly atMs: number; readonly units: Cost }[] = [];
  const slots = new Map<number, number[]>();
  let longestLeaseMs = 0;
  const violate = (text: string): void => void (violations.length < 5 && violations.push(text));
  return {
    note({ worker, atMs, before, after, change }: AppliedWrite): void {
      const [from, to] = [before['t'] as number | undefined, after['t'] as number];
      const units = soldBy(change);
      // A slot in the place of one further away.
      if (units === null && from !== undefined && Object.keys(change).every((kind) => kind === 'add') && to > from)
        slots.set(worker, [...(slots.get(worker) ?? []).slice(0, -1), from]);
      if (units === null || from === to) return;
      if ((change.add?.['t'] ?? 0) < 0) {
        returns.push({ atMs, units });
        return;
      }
      const lengthUs = priceUs(units, before as unknown as LimitItem);
      const startUs = to - lengthUs;
      longestLeaseMs = Math.max(longestLeaseMs, lengthUs / 1_000);
      if (from !== undefined && startUs < from)
        violate(`I9: at ${atMs} a slot from ${startUs} overlaps what was sold until ${from}`);
      slots.set(worker, [...(slots.get(worker) ?? []).slice(-5), startUs]);
    },
    killed(worker: number, atMs: number): void {
      // Slots that the process never heard of are lost as well, but it does not hold them.
      if (plan.weather.lost > 0 || plan.weather.twice > 0 || plan.weather.outages.length > 0) return;
      const soonUs = (EPOCH_MS + atMs + plan.habits.errorMs) * 1_000;
      const ahead = (slots.get(worker) ?? []).filter((startUs) => startUs > soonUs).length;
      if (ahead > 1) violate(`I10: worker ${worker} held ${ahead} slots ahead when it was killed at ${atMs}`);
    },
    check(ledgers: ReadonlyMap<LimitUnit, Ledger>): void {
      const definitions = [plan.definition, ...plan.changes.map(({ definition }) => definition)];
      for (const [unit, ledger] of ledgers)
        for (const windowMs of WINDOWS_MS) {
          const seen = { windowMs, longestLeaseMs, largestCall: unit === 'requests' ? 1 : LARGEST_CALL };
          const most = Math.max(...definitions.map((definition) => mostSeen(definition, unit, seen)));
          for (const { units, endMs } of ledger.windows(windowMs)) {
            if (units <= most) continue;
            const again = returns
              .filter(({ atMs }) => atMs <= endMs && atMs >= endMs - windowMs - RETURN_LASTS_MS)
              .reduce((sum, returned) => sum + (returned.units[unit] ?? 0), 0);
            if (units <= most + again) continue;
            violate(
              `bound: ${units} ${unit} within ${windowMs} ms until ${endMs}, at most ${most} and ${again} given back`,
            );
            break;
          }
        }
      checkPromise(plan, ledgers, violate);
    },
  };
}

/** Units that a write sold or took back; null when it did something else. */
function soldBy(change: StateChange): Cost | null {
  const sold = Object.entries(change.add ?? {}).filter(([path]) => path.startsWith('sold.'));
  return sold.length === 0 ? null : Object.fromEntries(sold.map(([path, units]) => [path.slice(5), Math.abs(units)]));
}

/** A hard limit is kept in its own windows, and a quota in each of its own, whatever happened. */
function checkPromise(plan: FleetPlan, ledgers: ReadonlyMap<LimitUnit, Ledger>, violate: (text: string) => void): void {
  if (plan.definition.mode === 'hard')
    for (const [unit, { amount, perMs }] of Object.entries(plan.definition.rates)) {
      const { units, endMs } = ledgers.get(unit)?.fullest(perMs) ?? { units: 0, endMs: 0 };
      if (units > amount) violate(`hard: ${units} ${unit} within ${perMs} ms until ${endMs}, of ${amount}`);
    }
  for (const { unit, amount } of plan.definition.quotas) {
    const hourMs = Math.ceil(EPOCH_MS / 3_600_000) * 3_600_000 - EPOCH_MS;
    for (const [fromMs, toMs] of [
      [0, hourMs],
      [hourMs, hourMs + 3_600_000],
    ] as const) {
      // Calls around the change of the hour count in either, as clocks and delays have it.
      const edgeMs = MOST_ERROR_MS + plan.spreadMs;
      const units = ledgers.get(unit)?.between(fromMs + edgeMs, toMs - edgeMs) ?? 0;
      if (units > amount) violate(`quota: ${units} ${unit} from ${fromMs} to ${toMs}, of ${amount}`);
    }
  }
}

/** 1: everybody got the same; 1/n: one got everything. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}
