import type { StateKey } from '../domain/state-keys.ts';
import type { StateChange, StateCondition, StateItem, WriteResult } from '../ports/state-table.ts';
import type { WriteContext } from './needs.ts';
import { isTransient, pauseBefore } from './patience.ts';

export interface DecidedWrite {
  readonly key: StateKey;
  readonly change: StateChange;
  readonly when: StateCondition;
  /** Does the item show that this very write was applied? Asked only after an answer was lost. */
  readonly mine: (item: StateItem) => boolean;
}

/**
 * A conditional write whose answer is known: after a lost answer the item is read back, and the write is repeated until it is either seen or
 * refused. Safe because `when` is false once the write is applied. Throws the last error when patience is over: the write may then still
 * have been applied, and only reconcile can say.
 */
export async function writeDecided(context: WriteContext, write: DecidedWrite): Promise<WriteResult> {
  const { state, clock } = context.deps;
  const sinceMs = clock.nowMs();
  let doubtful = false;
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await state.write(write.key, write.change, write.when);
      if (result.applied || !doubtful || result.current === null || !write.mine(result.current)) return result;
      return { applied: true, item: result.current };
    } catch (error) {
      if (!isTransient(error)) throw error;
      // Only STATE_UNCERTAIN promises doubt, but believing a driver that is unwell gains nothing.
      doubtful = true;
      const seen = await readBack(context, write.key);
      if (seen !== null && write.mine(seen)) return { applied: true, item: seen };
      if (!(await pauseBefore(context, tries, sinceMs))) throw error;
    }
  }
}

/** Null when the item cannot be read just then; the write is repeated anyway. */
async function readBack(context: WriteContext, key: StateKey): Promise<StateItem | null> {
  try {
    return await context.deps.state.get(key);
  } catch (error) {
    if (!isTransient(error)) throw error;
    return null;
  }
}
