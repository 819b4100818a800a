import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdLedgers } from '../../../../src/backends/input/id-ledger.ts';
import { createScratch } from '../../../../src/backends/scratch.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('ledger');
});
afterEach(() => dir.remove());

const never = (): never => {
  throw new Error('not expected');
};
let opened = 0;
const ledgers = (bucketBytes?: number) =>
  createIdLedgers({
    scratch: createScratch({
      env: { SLURMCTL_SCRATCH: dir.path, SLURMCTL_SCRATCH_ALLOW_NETWORK: '1' },
      ids: { ulid: () => 'x', token: () => String((opened += 1)) },
    }),
    ...(bucketBytes === undefined ? {} : { bucketBytes }),
  });

describe('id ledger', () => {
  it.each([[undefined], [1], [64]])(
    'finds exactly the repeated ids, in order (bucket of %s bytes)',
    async (bucketBytes) => {
      const id = fc.oneof(fc.integer({ min: 0, max: 60 }).map(String), fc.constantFrom('ä', '😀', 'a\nb'));
      await fc.assert(
        fc.asyncProperty(fc.array(id), fc.integer({ min: 1, max: 20 }), async (ids, chunk) => {
          const ledger = ledgers(bucketBytes).open();
          for (let at = 0; at < ids.length; at += chunk) {
            const part = ids.slice(at, at + chunk);
            await ledger.add(
              part,
              at,
              part.map((_, index) => at + index + 1),
            );
          }
          const found = await ledger.duplicates(1000);
          await ledger.dispose();
          const expected = ids.flatMap((text, item) => {
            const first = ids.indexOf(text);
            return first < item
              ? [{ id: text, first: { item: first, line: first + 1 }, second: { item, line: item + 1 } }]
              : [];
          });
          expect(found).toEqual(expected);
        }),
        { numRuns: bucketBytes === undefined ? 100 : 25 },
      );
    },
  );

  it('passes over bad records and limits what it reports', async () => {
    const ledger = ledgers().open();
    await ledger.add(['', 'a', '', 'a', 'a', 'b', 'b'], 10);
    expect(await ledger.duplicates(2)).toEqual([
      { id: 'a', first: { item: 11 }, second: { item: 13 } },
      { id: 'a', first: { item: 11 }, second: { item: 14 } },
    ]);
  });

  it('uses scratch only when it has to, and leaves nothing there', async () => {
    const small = ledgers().open();
    await small.add(['a', 'b'], 0);
    expect(readdirSync(dir.path)).toEqual([]);
    const large = ledgers(1).open();
    await large.add(['a', 'b'], 0);
    expect(readdirSync(dir.path)).toHaveLength(1);
    await large.dispose();
    await large.dispose();
    expect(readdirSync(dir.path)).toEqual([]);
  });

  it('says so when scratch is full', async () => {
    for (let bucket = 0; bucket < 256; bucket += 1) symlinkSync('/dev/full', join(dir.path, `${bucket}.ids`));
    const scratch = { check: never, open: () => Promise.resolve({ path: dir.path, dispose: () => Promise.resolve() }) };
    const ledger = createIdLedgers({ scratch, bucketBytes: 1 }).open();
    await expect(ledger.add(['a'], 0)).rejects.toMatchObject({
      code: 'SCRATCH_FULL',
      message: expect.stringContaining(dir.path) as string,
    });
  });
});
