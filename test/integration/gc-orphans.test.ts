import { expect, it } from 'vitest';
import { collectGarbage } from '../../src/app/collect-garbage.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { asJobId } from '../../src/domain/ids.ts';
import { finalKey, jobFileKey, jobRequestKey } from '../../src/domain/keys.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

it('gc removes objects that belong to nobody, and no job of another state table in the same store', () =>
  withTempDir(async (root) => {
    const deps = createRig(root).process();
    const request = (state: string): string => JSON.stringify({ backends: { state } });
    await deps.store.put(jobRequestKey(asJobId('ours-00000000')), request(deps.state.rootUrl));
    await deps.store.put('jobs/zombie-00000000/attempts/000000/1_0.0/done.json', '{}');
    await deps.store.put(jobRequestKey(asJobId('theirs-00000000')), request('file:///elsewhere'));
    await deps.store.put(jobRequestKey(asJobId('damaged-00000000')), '{');
    await deps.store.put(jobFileKey(asJobId('begins-00000000')), 'name: begins');
    const drivers = { ...deps, urls: { home: root }, removeHalfWritten: async () => 0 } as unknown as Drivers;
    await collectGarbage(drivers, { dryRun: false, olderThanMs: 0, purge: false });
    const left: string[] = [];
    for await (const { key } of deps.store.list('jobs/')) left.push(key.split('/')[1] as string);
    expect(left).toEqual(['begins-00000000', 'damaged-00000000', 'theirs-00000000']);
  }));

it('gc knows its own state table by another way to it', () =>
  withTempDir(async (root) => {
    const deps = createRig(root).process();
    const request = (state: string): string => JSON.stringify({ backends: { state } });
    const table = 'dynamodb://table?region=eu-north-1';
    await deps.store.put(jobRequestKey(asJobId('ours-00000000')), request(`${table}&profile=then`));
    await deps.store.put(jobRequestKey(asJobId('theirs-00000000')), request('dynamodb://table?region=eu-west-1'));
    const state = { ...deps.state, rootUrl: `${table}&profile=now` };
    const drivers = { ...deps, state, urls: { home: root }, removeHalfWritten: async () => 0 } as unknown as Drivers;
    const { removed } = await collectGarbage(drivers, { dryRun: true, olderThanMs: 0, purge: false });
    expect(removed).toMatchObject([{ what: 'objects of ours-00000000, which no state belongs to' }]);
  }));

it('gc leaves published output whose state is lost, unless whole jobs are to go', () =>
  withTempDir(async (root) => {
    const deps = createRig(root).process();
    const job = asJobId('published-00000000');
    await deps.store.put(jobRequestKey(job), JSON.stringify({ backends: { state: deps.state.rootUrl } }));
    await deps.store.put(finalKey(job), '{}');
    const drivers = { ...deps, urls: { home: root }, removeHalfWritten: async () => 0 } as unknown as Drivers;
    const request = { dryRun: false, olderThanMs: 0 };
    expect(await collectGarbage(drivers, { ...request, purge: false })).toMatchObject({ removed: [] });
    expect(await deps.store.head(finalKey(job))).not.toBeNull();
    expect(await collectGarbage(drivers, { ...request, purge: true })).toMatchObject({ removed: [{ objects: 2 }] });
    expect(await deps.store.head(finalKey(job))).toBeNull();
  }));
