// What the ledger of a provider says of those who called it. An arrival is {atMs, caller, cost: {unit: amount}, admitted}, by the provider's clock.
// Pure; plain JavaScript, because the benches use it as well.

/**
 * The most that arrived of `unit` within any window of `windowMs`, as a multiple of what the rate allows in one, less 1: 0.02 is 2 % too much,
 * negative is less than allowed. Refused calls count: the provider saw them. −1 without any arrival.
 */
export function overAdmission(arrivals, { unit, rate, windowMs }) {
  const sorted = arrivals.toSorted((a, b) => a.atMs - b.atMs);
  const allowed = (rate.amount * windowMs) / rate.perMs;
  let [most, sum, first] = [0, 0, 0];
  for (const arrival of sorted) {
    sum += arrival.cost[unit] ?? 0;
    // A window holds its beginning and not its end: what is exactly one window apart is in two.
    for (; sorted[first].atMs <= arrival.atMs - windowMs; first += 1) sum -= sorted[first].cost[unit] ?? 0;
    most = Math.max(most, sum);
  }
  return most / allowed - 1;
}

/** Share of the rate that was used by admitted calls in the spans in which calls were waiting; NaN when there is no such span. */
export function utilisation(arrivals, { unit, rate, spans }) {
  const isWithin = ({ atMs }) => spans.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  const used = arrivals
    .filter((arrival) => arrival.admitted && isWithin(arrival))
    .reduce((sum, { cost }) => sum + (cost[unit] ?? 0), 0);
  const lengthMs = spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return used / ((rate.amount * lengthMs) / rate.perMs);
}

/**
 * Fairness of shares: 1 when all are equal, 1/n when one has all (Jain, Chiu and Hawe, "A quantitative measure of fairness", 1984). Whoever got
 * nothing is in `shares` with 0. NaN without any share.
 */
export function jainIndex(shares) {
  const sum = shares.reduce((all, share) => all + share, 0);
  const squares = shares.reduce((all, share) => all + share * share, 0);
  return (sum * sum) / (shares.length * squares);
}

/** What each of the callers was admitted with, in the order of `callers`. */
export function admittedShares(arrivals, { unit, callers }) {
  const shares = new Map(callers.map((caller) => [caller, 0]));
  for (const { caller, cost, admitted } of arrivals)
    if (admitted && shares.has(caller)) shares.set(caller, shares.get(caller) + (cost[unit] ?? 0));
  return [...shares.values()];
}

/** Share of the calls that were refused; 0 without any call. */
export function refusedShare(arrivals) {
  const refused = arrivals.filter(({ admitted }) => !admitted).length;
  return arrivals.length === 0 ? 0 : refused / arrivals.length;
}
