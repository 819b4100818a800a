/**
 * A slot that was bought, and how it may be spent: what a call takes of it comes due as the slot goes by (half of the units after half of the
 * slot), and nothing begins after its end and the grace. Pure but for the counts of a lease.
 */
import type { Cost, LimitDefinition, LimitItem, LimitUnit } from '../domain/limit.ts';
import type { Counted, Purchase } from './purchase.ts';
import { graceMs } from '../domain/limit-bounds.ts';

/** Moments are whole microseconds of the shared time. */
export interface Lease {
  readonly startUs: number;
  readonly endUs: number;
  /** Calls may begin within [fromUs, untilUs): inside the windows of quotas, and before the grace is over. */
  readonly fromUs: number;
  readonly untilUs: number;
  /** Hard limits: each call begins within so long after it came due. Null: `untilUs` counts alone. */
  readonly callGraceUs: number | null;
  readonly bought: Cost;
  /** Units spent so far; falls when calls cost less than they said. */
  readonly spent: Record<LimitUnit, number>;
  readonly durationUs: number;
  readonly g: number;
  readonly counted: readonly Counted[];
}

/** Part of a call that a lease pays for. */
export interface Charge {
  readonly lease: Lease;
  readonly cost: Cost;
}

/** The slot that a purchase got: the last piece of the timeline of the item it was answered with. The debt is spent from the start. */
export function leaseOf(purchase: Purchase, item: LimitItem, debt: Cost): Lease {
  const endUs = item.t as number;
  return { ...slotTerms(purchase, endUs, item.definition), bought: purchase.cost, spent: { ...debt }, g: purchase.g };
}

function slotTerms(purchase: Purchase, endUs: number, definition: LimitDefinition) {
  const startUs = endUs - purchase.durationUs;
  const graceUs = graceMs(definition) * 1_000;
  return {
    startUs,
    endUs,
    durationUs: purchase.durationUs,
    fromUs: Math.max(startUs, purchase.fromUs),
    untilUs: Math.min(endUs + graceUs, purchase.untilUs),
    callGraceUs: definition.mode === 'hard' ? graceUs : null,
    counted: purchase.counted,
  };
}

export const restOf = ({ bought, spent }: Lease, unit: LimitUnit): number =>
  Math.max(0, (bought[unit] ?? 0) - (spent[unit] ?? 0));

/** When the next unit comes due: rounded up, exact. */
export function dueUs(lease: Lease, unit: LimitUnit): number {
  const share = BigInt(lease.spent[unit] ?? 0) * BigInt(lease.durationUs);
  const bought = BigInt(lease.bought[unit] ?? 1);
  const passed = Number((share + bought - 1n) / bought);
  return Math.max(lease.fromUs, lease.startUs + passed);
}

export interface Turn {
  /** When the call may begin. */
  readonly atUs: number;
  readonly charges: readonly Charge[];
}

/**
 * The turn of a call, paid by what is left of the leases in their order; null when they cannot pay for it. Parts that will have expired by then are
 * left out.
 */
export function turnOf(leases: readonly Lease[], cost: Cost, nowUs: number): Turn | null {
  let usable = leases;
  for (;;) {
    const turn = chargesOf(usable, cost, nowUs);
    if (turn === null) return null;
    const late = turn.charges.filter(({ lease, cost: part }) => turn.atUs >= lastUs(lease, part));
    if (late.length === 0) return turn;
    usable = usable.filter((lease) => late.every((charge) => charge.lease !== lease));
  }
}

function chargesOf(leases: readonly Lease[], cost: Cost, nowUs: number): Turn | null {
  const parts = new Map<Lease, Record<LimitUnit, number>>();
  let atUs = nowUs;
  for (const [unit, units] of Object.entries(cost)) {
    let missing = units;
    for (const lease of leases) {
      const taken = Math.min(missing, restOf(lease, unit));
      if (taken === 0) continue;
      missing -= taken;
      atUs = Math.max(atUs, dueUs(lease, unit));
      parts.set(lease, { ...parts.get(lease), [unit]: taken });
    }
    if (missing > 0) return null;
  }
  return { atUs, charges: [...parts].map(([lease, part]) => ({ lease, cost: part })) };
}

/** From when on a part of a call may no longer begin. */
function lastUs(lease: Lease, part: Cost): number {
  if (lease.callGraceUs === null) return lease.untilUs;
  const dues = Object.keys(part).map((unit) => dueUs(lease, unit));
  return Math.min(lease.untilUs, Math.min(...dues) + lease.callGraceUs);
}

/** Spends what the turn takes. */
export function spend({ charges }: Turn): void {
  for (const { lease, cost } of charges)
    for (const [unit, units] of Object.entries(cost)) lease.spent[unit] = (lease.spent[unit] ?? 0) + units;
}

/**
 * Corrects what was spent for a call when its true cost is known: what it did not use goes back to its leases, for as long as they last; what it used
 * beyond is returned as debt.
 */
export function settleCharges(charges: readonly Charge[], said: Cost, actual: Cost): Cost {
  const debt: Record<LimitUnit, number> = {};
  for (const unit of new Set([...Object.keys(said), ...Object.keys(actual)])) {
    let surplus = (said[unit] ?? 0) - (actual[unit] ?? 0);
    if (surplus < 0) debt[unit] = -surplus;
    for (const { lease, cost } of charges.toReversed()) {
      const back = Math.min(Math.max(0, surplus), cost[unit] ?? 0);
      surplus -= back;
      if (back > 0) lease.spent[unit] = (lease.spent[unit] as number) - back;
    }
  }
  return debt;
}
