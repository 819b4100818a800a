/** What a process gives back when it ends: slots that have not begun, and what its calls cost beyond what was paid. Pure. */
import type { Cost, LimitDefinition, LimitItem } from '../domain/limit.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import type { Lease } from './lease.ts';

interface Write {
  readonly change: StateChange;
  readonly when: StateCondition;
}

/**
 * Moves the end of the timeline back by a slot that has not begun; null when it has. Not repeatable: twice would sell the slots of others again. Others may
 * have bought behind the slot, so the piece that is sold again can overlap with one of theirs: for once as many units more as were given back. A hard
 * limit takes back nothing but the last slot.
 */
export function planReturn(lease: Lease, { mode }: Pick<LimitDefinition, 'mode'>, nowUs: number): Write | null {
  if (lease.startUs <= nowUs || lease.durationUs === 0) return null;
  const whereItEnds: StateCondition =
    mode === 'hard'
      ? { op: 'equals', path: 't', value: lease.endUs }
      : { op: 'at-least', path: 't', value: Math.max(lease.endUs, nowUs + lease.durationUs) };
  return {
    change: {
      add: {
        t: -lease.durationUs,
        ...Object.fromEntries(Object.entries(lease.bought).map(([unit, units]) => [`sold.${unit}`, -units])),
        ...Object.fromEntries(lease.counted.map(({ quota, units }) => [`windows.${quota}.used`, -units])),
      },
    },
    when: {
      op: 'and',
      of: [
        { op: 'equals', path: 'g', value: lease.g },
        whereItEnds,
        ...lease.counted.map(({ quota, fromMs }): StateCondition => ({
          op: 'equals',
          path: `windows.${quota}.from`,
          value: fromMs,
        })),
      ],
    },
  };
}

/**
 * Lets the next buyer wait for what this process did not pay for (on a timeline that is idle it costs nobody anything), counts it in the windows of quotas
 * as they were seen, and counts the refusals it has not told of. Null when there is neither.
 */
export function planEnd(
  { definition, windows }: Pick<LimitItem, 'definition' | 'windows'>,
  end: { readonly debt: Cost; readonly durationUs: number; readonly answers429: number },
): Write | null {
  const { durationUs, answers429 } = end;
  const debt = Object.entries(end.debt).filter(([, units]) => units > 0);
  if (debt.length === 0 && answers429 === 0) return null;
  const counted = definition.quotas.flatMap(({ unit }, place) => {
    const units = end.debt[unit] ?? 0;
    const window = windows[place];
    return units === 0 || window === undefined ? [] : [{ place, units, fromMs: window.from }];
  });
  return {
    change: {
      add: {
        ...(durationUs === 0 ? {} : { t: durationUs }),
        ...(answers429 === 0 ? {} : { answers429 }),
        ...Object.fromEntries(debt.map(([unit, units]) => [`sold.${unit}`, units])),
        ...Object.fromEntries(counted.map(({ place, units }) => [`windows.${place}.used`, units])),
      },
    },
    when: {
      op: 'and',
      of: [
        { op: 'present', path: 't' },
        ...counted.map(({ place, fromMs }): StateCondition => ({
          op: 'equals',
          path: `windows.${place}.from`,
          value: fromMs,
        })),
      ],
    },
  };
}
