import type { StateKey } from '../domain/state-keys.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { StateItem, StateTable } from '../ports/state-table.ts';
import { copyWrite, isSameItem, seenOf, type Seen } from './copied-item.ts';
import type { CarrierDeps } from './needs.ts';

/** Writes of one item before it is left to the next carry. */
const MOST_TRIES = 6;

export interface ItemToCopy {
  readonly key: StateKey;
  /** The copy, read before `truth`. */
  readonly seen: Seen | null;
  readonly truth: StateItem;
  /** The truth anew, for a copy that somebody else has written meanwhile; null when it is gone. */
  readonly again: () => Promise<StateItem | null>;
  /** Carries whatever this truth points at. */
  readonly before?: (truth: StateItem, seen: Seen | null) => Promise<void>;
}

/**
 * Brings the copy of one item up to the truth. A refused write and a lost answer are followed by looking again, at the copy first.
 * @returns the item as copied; null when it no longer exists
 * @throws STATE_UNCERTAIN when it stays unknown what was written
 */
export async function copyItem(deps: CarrierDeps, item: ItemToCopy): Promise<StateItem | null> {
  let { seen } = item;
  let truth: StateItem | null = item.truth;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (truth === null || isSameItem(seen, truth)) return truth;
    await item.before?.(truth, seen);
    deps.assertHeld();
    const answer = await tryWrite(deps.to.state, item.key, { seen, truth });
    if (answer === 'applied') return truth;
    const unchanged = answer.seen?.copies === seen?.copies;
    ({ seen } = answer);
    // A copy that nobody has written since it was seen is still older than this truth.
    if (!unchanged && !isSameItem(seen, truth)) truth = await item.again();
  }
  throw new AppError('STATE_UNCERTAIN', {
    message: `${item.key.partition}/${item.key.sort}: its copy could not be written in ${MOST_TRIES} tries`,
  });
}

async function tryWrite(
  state: StateTable,
  key: StateKey,
  { seen, truth }: { readonly seen: Seen | null; readonly truth: StateItem },
): Promise<'applied' | { readonly seen: Seen | null }> {
  const { change, when } = copyWrite(seen, truth);
  try {
    const result = await state.write(key, change, when);
    return result.applied ? 'applied' : { seen: seenOf(result.current) };
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return { seen: seenOf(await state.get(key)) };
  }
}
