import { readdir } from 'node:fs/promises';

import type { NewItem } from '../../ports/state-table.ts';
import { forEachAtOnce } from '../shared/for-each-at-once.ts';
import { advanceItem } from './fs-advance.ts';
import { isPresent, readHead, type TableContext } from './fs-head.ts';
import { anchorName, placeOf } from './fs-item-files.ts';
import { orMissing } from './fs-state-error.ts';
import { assertStateValue } from './operation-tree.ts';

/** Creations in flight; libuv runs four at a time, and the rest keep it busy. */
const AT_ONCE = 16;

/**
 * Creates the items that do not exist. Each file is synced as it is written; their directories once at the end, before this returns,
 * which is all a caller can rely on anyway: a power failure meanwhile loses some creations, and repeating the call makes them.
 */
export async function createMany(
  context: TableContext,
  items: AsyncIterable<NewItem> | Iterable<NewItem>,
  /** Runs an attempt until it gives an answer. */
  contend: <T>(attempt: () => Promise<T | null>) => Promise<T>,
): Promise<number> {
  const touched = new Set<string>();
  const later: TableContext = {
    ...context,
    syncDirectory: async (directory) => {
      touched.add(directory);
    },
  };
  const anchors = createAnchorCache();
  let created = 0;
  await forEachAtOnce(items, AT_ONCE, async ({ key, item }) => {
    assertStateValue(item, key.sort);
    const place = placeOf(context.root, key);
    const known = await anchors(place.directory);
    if (!known.has(anchorName(place.name)) && (await advanceItem(later, place, null, item))) {
      created += 1;
      return;
    }
    const late = await contend(async () => {
      const head = await readHead(context, place);
      if (isPresent(head)) return 0;
      return (await advanceItem(later, place, head, item)) ? 1 : null;
    });
    created += late;
  });
  await forEachAtOnce(touched, AT_ONCE, context.syncDirectory);
  return created;
}

/** Entries of each directory as they were when it was first asked for, so that a repeated call does not write to find out. */
function createAnchorCache(): (directory: string) => Promise<ReadonlySet<string>> {
  const listings = new Map<string, Promise<ReadonlySet<string>>>();
  return (directory) => {
    const known = listings.get(directory);
    if (known !== undefined) return known;
    const listing = orMissing(directory, readdir(directory)).then((names) => new Set(names ?? []));
    listings.set(directory, listing);
    return listing;
  };
}
