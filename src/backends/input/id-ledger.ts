import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuplicateId, IdLedger, IdLedgers, IdPlace } from '../../ports/id-ledger.ts';
import type { Scratch, ScratchDir } from '../../ports/scratch.ts';
import { scratchFull } from '../shared/scratch-full.ts';

/** A bucket must fit in memory when it is checked: 256 of them make that 100,000 ids for 25 million. */
const BUCKETS = 256;
/** What a bucket holds in memory before it is put aside; together at most 16 MiB, so ordinary jobs never touch the disk. */
const BUCKET_BYTES = 64 * 1024;
/** item (8 bytes), line (8 bytes), length of the id (4 bytes), then the id as UTF-8. */
const ENTRY_HEAD_BYTES = 20;

export interface IdLedgerOptions {
  readonly scratch: Scratch;
  /** Replaces the size of a bucket in memory in tests. */
  readonly bucketBytes?: number;
}

/**
 * Ids are spread over buckets by hash and appended to one file a bucket on local scratch; at the end each bucket is checked on its own.
 * The ids themselves are kept, not digests of them, so that the answer is exact and can name the id.
 */
export function createIdLedgers({ scratch, bucketBytes = BUCKET_BYTES }: IdLedgerOptions): IdLedgers {
  return { open: () => createLedger(scratch, bucketBytes) };
}

interface Bucket {
  buffer: Buffer;
  used: number;
  spilled: boolean;
}

function createLedger(scratch: Scratch, bucketBytes: number): IdLedger {
  const buckets: Bucket[] = Array.from({ length: BUCKETS }, () => ({
    buffer: Buffer.alloc(0),
    used: 0,
    spilled: false,
  }));
  let directory: Promise<ScratchDir> | null = null;

  const pathOf = async (index: number): Promise<string> => {
    directory ??= scratch.open('ids');
    return join((await directory).path, `${index}.ids`);
  };
  const spill = async (index: number): Promise<void> => {
    const bucket = buckets[index] as Bucket;
    const path = await pathOf(index);
    try {
      await appendFile(path, bucket.buffer.subarray(0, bucket.used), { mode: 0o600 });
    } catch (error) {
      throw scratchFull(error, path);
    }
    bucket.used = 0;
    bucket.spilled = true;
  };

  return {
    async add(ids, firstItem, lines) {
      for (let index = 0; index < ids.length; index += 1) {
        const id = ids[index] as string;
        if (id === '') continue;
        const number = bucketOf(id);
        const bucket = buckets[number] as Bucket;
        writeEntry(bucket, { id, item: firstItem + index, line: lines?.[index] ?? 0 });
        if (bucket.used >= bucketBytes) await spill(number);
      }
    },
    async duplicates(limit) {
      const found: DuplicateId[] = [];
      for (const [index, bucket] of buckets.entries()) {
        if (bucket.used === 0 && !bucket.spilled) continue;
        const spilled = bucket.spilled ? await readFile(await pathOf(index)) : Buffer.alloc(0);
        found.push(...duplicatesIn([spilled, bucket.buffer.subarray(0, bucket.used)], limit));
        // A bucket is done with once checked; keeping all of them would add up.
        bucket.buffer = Buffer.alloc(0);
      }
      return found.sort((a, b) => a.second.item - b.second.item).slice(0, limit);
    },
    async dispose() {
      if (directory === null) return;
      const opened = directory;
      directory = null;
      await opened.then((dir) => dir.dispose()).catch(() => undefined);
    },
  };
}

interface Entry {
  readonly id: string;
  readonly item: number;
  /** 0: none. */
  readonly line: number;
}

function writeEntry(bucket: Bucket, { id, item, line }: Entry): void {
  const needed = bucket.used + ENTRY_HEAD_BYTES + id.length * 3;
  if (needed > bucket.buffer.length) {
    const larger = Buffer.allocUnsafeSlow(Math.max(1024, bucket.buffer.length * 2, needed));
    bucket.buffer.copy(larger, 0, 0, bucket.used);
    bucket.buffer = larger;
  }
  const { buffer, used } = bucket;
  buffer.writeDoubleLE(item, used);
  buffer.writeDoubleLE(line, used + 8);
  const length = buffer.write(id, used + ENTRY_HEAD_BYTES, 'utf8');
  buffer.writeUInt32LE(length, used + 16);
  bucket.used = used + ENTRY_HEAD_BYTES + length;
}

function duplicatesIn(pieces: readonly Buffer[], limit: number): DuplicateId[] {
  const seen = new Map<string, IdPlace>();
  const found: DuplicateId[] = [];
  for (const bytes of pieces)
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt32LE(at + 16);
      const id = bytes.toString('utf8', at + ENTRY_HEAD_BYTES, at + ENTRY_HEAD_BYTES + length);
      const line = bytes.readDoubleLE(at + 8);
      const place: IdPlace = { item: bytes.readDoubleLE(at), ...(line === 0 ? {} : { line }) };
      at += ENTRY_HEAD_BYTES + length;
      const first = seen.get(id);
      if (first === undefined) seen.set(id, place);
      else if (found.length < limit) found.push({ id, first, second: place });
    }
  return found;
}

/** FNV-1a over UTF-16 units; only spreads ids, so its quality decides nothing but balance. */
function bucketOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
}
