/** Makes the plan of a red seed smaller while it stays red for the same reason: what is left is what it takes. */
import type { PortName } from './core/weather.ts';
import { CALM } from './core/weather.ts';
import type { Plan } from './plan.ts';
import { runSeed, type SeedOptions, type SeedResult } from './run-seed.ts';

/** Takes something out of a plan; null when it is not in there. */
type Simplification = (plan: Plan) => Plan | null;

const withoutRates =
  (port: PortName): Simplification =>
  (plan) =>
    plan.rates[port] === undefined || plan.rates[port] === CALM
      ? null
      : { ...plan, rates: { ...plan.rates, [port]: CALM } };

const none = <T extends Readonly<Record<string, number>>>(shares: T): T | null =>
  Object.values(shares).every((share) => share === 0)
    ? null
    : (Object.fromEntries(Object.keys(shares).map((name) => [name, 0])) as unknown as T);

const noneOf =
  (what: 'fatal' | 'naps', kind: keyof Plan['fatal']): Simplification =>
  (plan) =>
    plan[what][kind] === 0 ? null : { ...plan, [what]: { ...plan[what], [kind]: 0 } };

const SIMPLER: readonly Simplification[] = [
  (plan) => orNull(none(plan.fatal), (fatal) => ({ ...plan, fatal })),
  (plan) => orNull(none(plan.naps), (naps) => ({ ...plan, naps })),
  withoutRates('state'),
  withoutRates('store'),
  withoutRates('queue'),
  withoutRates('batch'),
  (plan) => (plan.queue.lost + plan.queue.doubled === 0 ? null : { ...plan, queue: { lost: 0, doubled: 0 } }),
  (plan) => (plan.clockOffMs + plan.clockDrift === 0 ? null : { ...plan, clockOffMs: 0, clockDrift: 0 }),
  (plan) => (plan.accountingLagMs === 0 ? null : { ...plan, accountingLagMs: 0 }),
  (plan) => (plan.submitLimited === 0 ? null : { ...plan, submitLimited: 0 }),
  (plan) => (plan.bad.size === 0 ? null : { ...plan, bad: new Set() }),
  ...(['submit', 'tick', 'advance', 'finaliser', 'worker', 'cancel', 'retry'] as const).flatMap((kind) => [
    noneOf('fatal', kind),
    noneOf('naps', kind),
  ]),
];

const orNull = <T, R>(value: T | null, then: (value: T) => R): R | null => (value === null ? null : then(value));

export interface Shrunk {
  readonly result: SeedResult;
  /** Runs it took. */
  readonly runs: number;
}

/** @param red the run that failed; each smaller plan must break the same promise */
export async function shrinkSeed(
  red: SeedResult,
  options: SeedOptions,
  onSmaller: (what: string) => void,
): Promise<Shrunk> {
  const invariant = red.violations[0]?.invariant;
  let best = red;
  let runs = 0;
  const tryPlan = async (plan: Plan, what: string): Promise<boolean> => {
    runs += 1;
    const result = await runSeed(red.seed, { ...options, plan });
    if (result.violations[0]?.invariant !== invariant) return false;
    best = result;
    onSmaller(what);
    return true;
  };
  // Twice, because what was needed beside an incident may not be needed without it.
  for (let round = 0; round < 2; round += 1) {
    await dropIncidents(() => best.plan, tryPlan);
    await mendItems(() => best.plan, tryPlan);
    for (const simplify of SIMPLER) {
      const plan = simplify(best.plan);
      if (plan !== null) await tryPlan(plan, 'a kind of fault less');
    }
  }
  return { result: best, runs };
}

type TryPlan = (plan: Plan, what: string) => Promise<boolean>;

/** Halves, quarters … of the incidents, down to single ones, as delta debugging does (Zeller, Hildebrandt, 2002). */
async function dropIncidents(current: () => Plan, tryPlan: TryPlan): Promise<void> {
  for (let size = Math.max(1, current().incidents.length >> 1); ; size >>= 1) {
    for (let from = 0; from < current().incidents.length;) {
      const { incidents } = current();
      const left = incidents.filter((_, at) => at < from || at >= from + size);
      if (!(await tryPlan({ ...current(), incidents: left }, `${left.length} incidents`))) from += size;
    }
    if (size <= 1) return;
  }
}

async function mendItems(current: () => Plan, tryPlan: TryPlan): Promise<void> {
  for (const [at, { kind }] of current().behaviours.entries()) {
    if (kind === 'fine') continue;
    const behaviours = current().behaviours.map((one, index) =>
      index === at ? { ...one, kind: 'fine' as const } : one,
    );
    await tryPlan({ ...current(), behaviours }, `item ${at} is fine`);
  }
}
