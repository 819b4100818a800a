/**
 * One run of the experiment: the item holds one value of each axis. Return the settings too, so that the output can be grouped by them.
 *
 * This one iterates the logistic map x → rate · x · (1 − x), which settles for small rates and is chaotic for large ones.
 */
export default async function handler({ rate, seed }) {
  let x = (seed * 0.618034) % 1;
  for (let step = 0; step < 1_000; step += 1) x = rate * x * (1 - x);

  let low = x;
  let high = x;
  for (let step = 0; step < 1_000; step += 1) {
    x = rate * x * (1 - x);
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return { rate, seed, final: x, spread: high - low };
}
