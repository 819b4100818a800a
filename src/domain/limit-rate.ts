/**
 * Rates and amounts as people write them, and what a limit can sell at all. Parsers return null for anything they do not fully understand: the
 * caller knows the place and the key, and words the error.
 */
import type { LimitDefinition, LimitRate, LimitUnit } from './limit.ts';

/** How long after its slot a call may still begin, in milliseconds; the longest burst as well, since both let calls gather. */
export const GRACE_MS = 5_000;

/** A timeline counts whole microseconds: more units a microsecond could not be told apart. */
export const MOST_PER_SECOND = 1_000_000;
/** The slowest rate is one unit in so long: slots stay far from the end of exact integers, also at a small share of the rate. */
export const LONGEST_UNIT_MS = 86_400_000;
/** Beyond it, sums of amounts would not be exact. */
export const MOST_AMOUNT = 1_000_000_000_000_000;
/** What a limit, a pool, a group or a unit may be called. */
export const RESOURCE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

const POWERS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** `3000`, `250k`, `1.5M`, `2G`: k, M and G are powers of 1000. Null when it is no whole number of at most 10^15. */
export function parseAmount(text: string): number | null {
  const match = /^(\d+)(?:\.(\d+))?([kmg]?)$/i.exec(text.trim());
  if (match === null) return null;
  const [, whole = '', fraction = '', suffix = ''] = match;
  if (whole.length > 16 || fraction.length > 9) return null;
  // In whole numbers: 1.1 times 1000 is not 1100 in binary fractions.
  const power = BigInt(POWERS[suffix.toLowerCase()] as number);
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(`${whole}${fraction}`) * power;
  return scaled % scale === 0n && scaled / scale <= BigInt(MOST_AMOUNT) ? Number(scaled / scale) : null;
}

const PERIODS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

/** `3000/min`, `250k/min`, `10/s`, `1M/day`, `5/10s`. The amount may be 0: whoever asks decides what that means. */
export function parseRate(text: string): LimitRate | null {
  const match = /^([^/]+)\/\s*(\d{1,6})?\s*([a-z]+)$/.exec(text.trim());
  if (match === null) return null;
  const amount = parseAmount(match[1] as string);
  const period = match[3] as string;
  const perMs = Object.hasOwn(PERIODS_MS, period) ? Number(match[2] ?? 1) * (PERIODS_MS[period] as number) : 0;
  return amount === null || perMs === 0 ? null : { amount, perMs };
}

/** Why a rate cannot be sold, as what follows "expected"; null when it can. */
export function whyUnsellable({ amount, perMs }: LimitRate): string | null {
  if (amount < 1) return 'a rate above 0';
  if (amount > (perMs / 1_000) * MOST_PER_SECOND)
    return `at most ${formatAmount(MOST_PER_SECOND)}/s, the most that one limit can sell`;
  return perMs / amount > LONGEST_UNIT_MS ? 'at least 1/day' : null;
}

/** `250k`, `3000`, `12.5M`: exact, so that it can be written back. */
export function formatAmount(amount: number): string {
  for (const [suffix, power] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (amount >= (power === 1e3 ? 1e4 : power) && amount % (amount >= 10 * power ? power / 10 : power) === 0)
      return `${amount / power}${suffix}`;
  return String(amount);
}

/** `3000/min`, `5/10s`: exact, so that it can be written back. */
export function formatRate({ amount, perMs }: LimitRate): string {
  const [name, unitMs] = (
    [
      ['day', 86_400_000],
      ['h', 3_600_000],
      ['min', 60_000],
      ['s', 1_000],
    ] as const
  ).find(([, ms]) => perMs % ms === 0) ?? ['ms', 1];
  return `${formatAmount(amount)}/${perMs === unitMs ? '' : perMs / unitMs}${name}`;
}

/** Units a second. */
export const perSecond = ({ amount, perMs }: LimitRate): number => (amount * 1_000) / perMs;

/** `requests 3000/min, tokens 250k/min, burst 2s, daily requests 1M (UTC)`: everything that makes two definitions differ. */
export function describeLimit({ rates, quotas, burstMs, mode }: LimitDefinition): string {
  return [
    ...unitsOf(rates).map((unit) => `${unit} ${formatRate(rates[unit] as LimitRate)}`),
    ...(burstMs === 0 ? [] : [`burst ${burstText(burstMs)}`]),
    ...quotas.map(({ unit, amount, every, zone }) => `${QUOTA_WORDS[every]} ${unit} ${formatAmount(amount)} (${zone})`),
    ...(mode === 'hard' ? ['mode hard'] : []),
  ].join(', ');
}

const burstText = (ms: number): string => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);

/** What a person types to make these figures the site's. */
export function limitSetCommand(name: string, { rates, quotas, burstMs, mode }: LimitDefinition): string {
  const rateFlag = (unit: LimitUnit): string => {
    const rate = formatRate(rates[unit] as LimitRate);
    if (unit === 'requests') return `--rate ${rate}`;
    return unit === 'tokens' ? `--tokens ${rate}` : `--unit ${unit}=${rate}`;
  };
  const zone = quotas[0]?.zone ?? 'UTC';
  return [
    `slurmctl limit set ${name}`,
    ...unitsOf(rates).map(rateFlag),
    ...(burstMs === 0 ? [] : [`--burst ${burstText(burstMs)}`]),
    ...quotas.map(
      ({ unit, amount, every }) =>
        `--${QUOTA_WORDS[every]} ${unit === 'requests' ? '' : `${unit}=`}${formatAmount(amount)}`,
    ),
    ...(zone === 'UTC' ? [] : [`--zone ${zone}`]),
    ...(mode === 'hard' ? ['--mode hard'] : []),
  ].join(' ');
}

/** How a job file calls a quota. */
export const QUOTA_WORDS = { hour: 'hourly', day: 'daily', month: 'monthly' } as const;

/** Units by name, requests first: the order in which people think of them. */
export const unitsOf = (rates: LimitDefinition['rates']): LimitUnit[] =>
  Object.keys(rates).toSorted((a, b) => Number(b === 'requests') - Number(a === 'requests') || (a < b ? -1 : 1));

/** Whether both say the same, whatever order they say it in. */
export const sameLimit = (a: LimitDefinition, b: LimitDefinition): boolean => canonical(a) === canonical(b);

function canonical({ rates, quotas, burstMs, mode }: LimitDefinition): string {
  // 60/min is not 1/s: a minute may be filled unevenly, and what is sold of a rate depends on its period.
  const perUnit = unitsOf(rates).map((unit) => {
    const { amount, perMs } = rates[unit] as LimitRate;
    return [unit, amount, perMs];
  });
  const counted = quotas.map(({ unit, amount, every, zone }) => JSON.stringify([every, unit, amount, zone])).toSorted();
  return JSON.stringify([perUnit, counted, burstMs, mode]);
}
