// The limits of a provider, strictly: one token bucket a unit, and a call is admitted when all of them hold its cost. Pure but for its own state.

/** `limits`: {unit: {amount, perMs, burst}}; a bucket begins full and never holds more than `burst`. */
export function createBuckets(limits) {
  const buckets = Object.entries(limits).map(([unit, { amount, perMs, burst }]) => ({
    unit,
    perMs: amount / perMs,
    burst,
    held: burst,
    atMs: Number.NEGATIVE_INFINITY,
  }));
  const fill = (bucket, nowMs) => {
    bucket.held = Math.min(bucket.burst, bucket.held + Math.max(0, nowMs - bucket.atMs) * bucket.perMs);
    bucket.atMs = Math.max(bucket.atMs, nowMs);
  };
  return {
    /** Takes the cost at that moment; otherwise takes nothing and says after how many milliseconds it would be there (Infinity: never). */
    take(cost, nowMs) {
      for (const bucket of buckets) fill(bucket, nowMs);
      const waits = buckets.map(({ unit, held, burst, perMs }) => {
        const needed = cost[unit] ?? 0;
        if (needed > burst) return Number.POSITIVE_INFINITY;
        return Math.max(0, (needed - held) / perMs);
      });
      const waitMs = Math.max(0, ...waits);
      // Sums of fractions are a hair off: a call that comes exactly when it was told to is not refused.
      if (waitMs > 1e-6) return { admitted: false, retryAfterMs: waitMs };
      for (const bucket of buckets) bucket.held = Math.max(0, bucket.held - (cost[bucket.unit] ?? 0));
      return { admitted: true };
    },
  };
}
