import { HOLDER_PATHS } from '../domain/pool.ts';
import type { StateKey } from '../domain/state-keys.ts';
import { isAppError } from '../errors/app-error.ts';
import { createPauses } from './pauses.ts';
import type { PoolDeps } from './pool-needs.ts';

const TRIES = 4;

/**
 * Takes the owner out of a slot or a place, if it still is this one. Never throws for a table that does not answer: then its lease runs out, and others
 * find it silent.
 */
export async function leaveItem(
  { state, clock, random, log }: PoolDeps,
  { key, owner, more = [] }: { readonly key: StateKey; readonly owner: string; readonly more?: readonly string[] },
): Promise<void> {
  const pauses = createPauses(random);
  const change = { remove: [...HOLDER_PATHS, ...more] };
  for (let attempt = 1; ; attempt += 1)
    try {
      await state.write(key, change, { op: 'equals', path: 'owner', value: owner }, { repeatable: true });
      return;
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (attempt >= TRIES || !error.retryable) {
        log.warn('what is held of a pool could not be given back; its lease has to run out', {
          ...key,
          error: error.message,
        });
        return;
      }
      await clock.sleep(pauses.next(200, 2_000));
    }
}
