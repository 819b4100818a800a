/** What the definitions of limits and those of pools have in common: an index by name, what jobs say of them, and writes that are repeated. */
import { RESOURCES_PARTITION } from '../domain/limit.ts';
import { isAppError, type Problem } from '../errors/app-error.ts';
import type { StateTable } from '../ports/state-table.ts';

/** What a job says of a limit or pool, beside what the site says of it. */
export type Compared<A> =
  | { readonly kind: 'agreed'; readonly agreed: A }
  /** The two say different things, or neither says anything. */
  | { readonly kind: 'conflict' | 'unknown'; readonly problem: Problem };

/** Everything whose index entry begins with `prefix`, by name. */
export async function listNamed<I>(
  state: Pick<StateTable, 'query'>,
  prefix: string,
  read: (name: string) => Promise<I | null>,
): Promise<{ readonly name: string; readonly item: I }[]> {
  const names: string[] = [];
  for await (const { sort } of state.query(RESOURCES_PARTITION, prefix)) names.push(sort.slice(prefix.length));
  const found = [];
  for (const name of names) {
    const item = await read(name);
    // The index is written first and removed last: a name without its item is one that comes or goes.
    if (item !== null) found.push({ name, item });
  }
  return found;
}

/** Repeats a write whose answer is lost, at most `tries` times: doing it twice must be doing it once. @throws STATE_* */
export async function doSurely<T>(tries: number, write: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1)
    try {
      return await write();
    } catch (error) {
      if (!isAppError(error, 'STATE_UNCERTAIN') || attempt >= tries) throw error;
    }
}
