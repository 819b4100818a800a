import type { Cost, LimitUnit } from '../domain/limit.ts';
import type { LimitHolding } from '../ports/limiter.ts';
import { restOf, settleCharges, spend, turnOf, type Lease, type Turn } from './lease.ts';

/** The leases of a process for one limit: what its calls are paid from, and what they still owe. */
export interface Purse {
  add(lease: Lease, paidDebt: Cost): void;
  /** The turn of a call, or null: what is left cannot pay for it. Leases that are over or spent are dropped first. */
  turn(cost: Cost, nowUs: number): Turn | null;
  spend(turn: Turn): void;
  /** The true cost of a call that was paid by `turn`. */
  settle(turn: Turn, said: Cost, actual: Cost): void;
  /** Of the calls, those that nothing is held for, from the first such on. None while a lease is held that has not begun: one ahead is enough. */
  uncovered(calls: readonly Cost[], nowUs: number): readonly Cost[];
  /** The lease that has not begun; null when none is held. */
  ticket(nowUs: number): Lease | null;
  /** `after` takes the place of `before`, unless that is not held any more. */
  replace(before: Lease, after: Lease): void;
  /** Moments to come at which something changes by itself. */
  moments(nowUs: number): number[];
  /** What has begun is not to be spent any more. */
  dropBegun(nowUs: number): void;
  leases(): readonly Lease[];
  debt(): Cost;
  /** What can still be spent: of requests, or of the first unit where these are not counted. Null: nothing. */
  held(nowUs: number): LimitHolding['held'];
  /** Leases whose time was over before they were spent. */
  expired(): number;
  /** Requests of all leases so far. */
  bought(): number;
}

export function createPurse(): Purse {
  let leases: Lease[] = [];
  let debt: Cost = {};
  let expired = 0;
  let bought = 0;
  /** Of which nothing is to be spent any more, whatever comes back. */
  const dropped = new WeakSet<Lease>();
  const ticket = (nowUs: number): Lease | null => leases.find(({ fromUs }) => fromUs > nowUs) ?? null;
  return {
    add(lease, paidDebt) {
      leases.push(lease);
      bought += lease.bought['requests'] ?? 0;
      debt = combined(debt, paidDebt, -1);
    },
    turn(cost, nowUs) {
      const unspent = leases.filter(hasRest);
      leases = unspent.filter(({ untilUs }) => untilUs > nowUs);
      expired += unspent.length - leases.length;
      return turnOf(leases, cost, nowUs);
    },
    spend,
    settle(turn, said, actual) {
      debt = combined(debt, settleCharges(turn.charges, said, actual), 1);
      // What has come back can be spent for as long as its lease lasts.
      for (const { lease } of turn.charges)
        if (!dropped.has(lease) && !leases.includes(lease) && hasRest(lease)) leases.unshift(lease);
    },
    uncovered(calls, nowUs) {
      if (ticket(nowUs) !== null) return [];
      const rest: Record<LimitUnit, number> = {};
      for (const lease of leases)
        for (const unit of Object.keys(lease.bought)) rest[unit] = (rest[unit] ?? 0) + restOf(lease, unit);
      const first = calls.findIndex((cost, at) => {
        // The first call was just found to have no turn, whatever seems to be left.
        if (at === 0 && turnOf(leases, cost, nowUs) === null) return true;
        for (const [unit, units] of Object.entries(cost)) rest[unit] = (rest[unit] ?? 0) - units;
        return Object.values(rest).some((left) => left < 0);
      });
      return first < 0 ? [] : calls.slice(first);
    },
    ticket,
    replace(before, after) {
      dropped.add(before);
      leases = leases.map((lease) => (lease === before ? after : lease));
    },
    moments: (nowUs) => leases.flatMap(({ fromUs, untilUs }) => [fromUs, untilUs]).filter((us) => us > nowUs),
    dropBegun(nowUs) {
      for (const lease of leases) if (lease.startUs <= nowUs) dropped.add(lease);
      leases = leases.filter((lease) => !dropped.has(lease));
    },
    leases: () => leases,
    debt: () => debt,
    held: (nowUs) => heldOf(leases.filter(({ untilUs }) => untilUs > nowUs)),
    expired: () => expired,
    bought: () => bought,
  };
}

function heldOf(leases: readonly Lease[]): LimitHolding['held'] {
  const units = new Set(leases.flatMap(({ bought }) => Object.keys(bought)));
  const unit = units.has('requests') ? 'requests' : [...units][0];
  if (unit === undefined) return null;
  const rests = leases.filter((lease) => restOf(lease, unit) > 0);
  if (rests.length === 0) return null;
  return {
    unit,
    units: rests.reduce((sum, lease) => sum + restOf(lease, unit), 0),
    untilMs: Math.ceil(Math.max(...rests.map(({ untilUs }) => untilUs)) / 1_000),
  };
}

const hasRest = (lease: Lease): boolean => Object.keys(lease.bought).some((unit) => restOf(lease, unit) > 0);

/** Amounts above 0 of `a` and, with their sign, `b`. */
function combined(a: Cost, b: Cost, sign: 1 | -1): Cost {
  const units = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries(
    [...units].map((unit) => [unit, (a[unit] ?? 0) + sign * (b[unit] ?? 0)] as const).filter(([, sum]) => sum > 0),
  );
}
