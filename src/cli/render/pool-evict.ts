import type { PoolEvictDocument } from '../../app/pool-documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { printable } from './text.ts';
import type { View } from './view.ts';

type EvictedSlot = PoolEvictDocument['slots'][number];

/** Whose slot, and what happens next. */
export function renderPoolEvict({ name, slots }: PoolEvictDocument, { style }: View): string {
  const lines = slots.map((slot) => `slot ${slot.slot} of ${style.bold(name)} ${evictWords(slot)}\n`);
  const living = slots.filter((slot) => slot.outcome !== 'returned' && !isDead(slot));
  if (living.length === 0) return lines.join('');
  const hears = formatDuration(Math.max(...living.map(({ hearsWithinMs }) => hearsWithinMs)));
  const free = formatDuration(Math.max(...living.map(({ freeAfterMs }) => freeAfterMs)));
  const what =
    living.length === 1
      ? `its holder hears of it within ${hears} and stops; it is free when given back`
      : `their holders hear of it within ${hears} and stop; a slot is free when given back`;
  return `${lines.join('')}  ${what}, or when its holder was silent for ${free}\n`;
}

const isDead = ({ holder, freeAfterMs }: EvictedSlot): boolean => holder.silentMs > freeAfterMs;

function evictWords(slot: EvictedSlot): string {
  const { outcome, holder, evictedBy } = slot;
  const who = `job ${printable(holder.job)} on ${printable(holder.node)}`;
  if (outcome === 'returned') return `is free: ${who} has just given it back`;
  if (isDead(slot)) {
    const since = formatDuration(holder.silentMs);
    return `is free for the next who asks: ${who}, which had it, was not heard of for ${since}`;
  }
  return outcome === 'already'
    ? `was taken away from ${who} before, by ${printable(evictedBy ?? '')}`
    : `is taken away from ${who}, which held it for ${formatDuration(holder.forMs)}`;
}
