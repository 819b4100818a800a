import { beforeAll, describe, expect, it } from 'vitest';
import type { GcDocument } from '../../src/app/documents.ts';
import { JOBS_PARTITION, jobPartition, taskPartition } from '../../src/domain/state-keys.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { compiledProject } from '../support/compiled.ts';
import { withCrashSite, type CrashSite } from '../support/crash-site.ts';
import { expectLedger } from '../support/ledger.ts';

beforeAll(() => compiledProject(), 120_000);

async function keysIn({ place }: CrashSite): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of place.store.list('')) keys.push(key);
  return keys;
}

async function itemsIn(state: StateTable, ...partitions: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const partition of partitions) for await (const { sort } of state.query(partition)) found.push(sort);
  return found;
}

describe('gc of a bucket and a table on a bad day', () => {
  it('keeps what may be asked for, removes what nobody can ask for, and at last everything', () =>
    withCrashSite(
      { place: { kind: 'AWS services on a bad day', rate: 0.15, seed: 4 }, items: 20, batchItems: 5 },
      async (site) => {
        const { store, state } = site.place;
        const job = await site.submit();
        await site.untilFinal(job);
        await expectLedger(site, job);
        const lost = `jobs/${job}/attempts/000001/lost_0.0/part.parquet`;
        const orphan = 'jobs/gone-00000000/batches/000000.jsonl';
        for (const key of [lost, orphan]) await store.put(key, '{}');

        expect((await site.cli.json<GcDocument>(['gc', '--dry-run', '--older-than', '0s'])).dryRun).toBe(true);
        expect(await keysIn(site)).toEqual(expect.arrayContaining([lost, orphan]));
        await site.cli.json<GcDocument>(['gc', '--older-than', '0s']);
        const kept = await keysIn(site);
        expect(kept.filter((key) => key === lost || key === orphan)).toEqual([]);
        await expectLedger(site, job);

        expect((await site.cli('gc', job, '--purge')).code).toBe(0);
        await site.place.proxy?.settled();
        expect(await keysIn(site)).toEqual([]);
        expect(await itemsIn(state, JOBS_PARTITION, jobPartition(job), taskPartition(job, 0))).toEqual([]);
        expect((await site.cli('status', job)).code).toBe(4);
      },
    ));
});
