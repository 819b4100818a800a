import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { StateItem } from '../../ports/state-table.ts';
import { compareBytes } from '../shared/fs-byte-order.ts';
import { decodeName } from '../shared/fs-names.ts';
import type { BulkReader } from './fs-bulk-read.ts';
import { isPresent, parseStored, readHead, readStored, type TableContext } from './fs-head.ts';
import { anchorName, dataName, isBucketName, partitionDirectory, placeOf, viewsOf } from './fs-item-files.ts';
import { orMissing } from './fs-state-error.ts';

interface Candidate {
  readonly sort: string;
  /** File that held the newest version when the directory was read; null when the look missed it. */
  readonly path: string | null;
}

/** Items of a partition in byte order of the sort key. Names of the whole partition are held, contents a batch at a time. */
export async function* queryPartition(
  context: TableContext,
  reader: BulkReader,
  partition: string,
  prefix: string,
): AsyncGenerator<{ sort: string; item: StateItem }> {
  const candidates = await findCandidates(context, reader, partition, prefix);
  // Items whose head moves between the two reads are read again one by one.
  const paths = candidates.map((candidate) => candidate.path ?? '');
  let index = 0;
  for await (const texts of reader.readTexts(paths)) {
    for (const text of texts) {
      const { sort, path } = candidates[index] as Candidate;
      index += 1;
      const item =
        text === null || path === null ? await readAgain(context, partition, sort) : parseStored(text, path).item;
      if (item !== null) yield { sort, item };
    }
  }
}

async function readAgain(context: TableContext, partition: string, sort: string): Promise<StateItem | null> {
  const head = await readHead(context, placeOf(context.root, { partition, sort }));
  return isPresent(head) ? head.item : null;
}

async function findCandidates(
  context: TableContext,
  reader: BulkReader,
  partition: string,
  prefix: string,
): Promise<Candidate[]> {
  const root = partitionDirectory(context.root, partition);
  const buckets = ((await orMissing(root, readdir(root))) ?? []).filter(isBucketName).map((name) => join(root, name));
  const candidates: Candidate[] = [];
  let index = 0;
  for await (const listings of reader.readDirectories(buckets)) {
    for (const fileNames of listings) {
      const directory = buckets[index] as string;
      index += 1;
      for (const [name, view] of viewsOf(fileNames)) {
        if (!view.exists && view.head === null) continue;
        const sort = decodeName(name) ?? (await readStored(join(directory, anchorName(name))))?.sort;
        if (sort === undefined || !sort.startsWith(prefix)) continue;
        const head = view.head;
        candidates.push({ sort, path: head && join(directory, dataName(name, head.version, head.nonce)) });
      }
    }
  }
  return candidates.sort((a, b) => compareBytes(a.sort, b.sort));
}
