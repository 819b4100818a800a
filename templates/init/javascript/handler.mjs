/**
 * Called once for each item. What it returns becomes a row of the output; what it throws is recorded as that item's error.
 *
 * `ctx.signal` is aborted at the timeout: pass it on to fetch and the like.
 * `ctx.log.info(…)` goes to `slurmctl logs`; `ctx.scratch` is a private directory on the node's own disk.
 */
export default async function handler(item, ctx) {
  if (typeof item.text !== 'string') throw new TypeError(`item ${ctx.item.id} has no text`);
  const words = item.text.split(/\s+/).filter((word) => word !== '');
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), '');
  return { words: words.length, longest };
}
