import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createSeededIds } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { describeObjectStore } from './object-store.contract.ts';

describeObjectStore('fs', () => {
  const dir = makeTempDir('store');
  const store = createFsObjectStore({ root: `${dir.path}/objects`, ids: createSeededIds(1) });
  return { store, other: store, close: dir.remove };
});

describeObjectStore('fs, two handles', () => {
  const dir = makeTempDir('store');
  const open = (seed: number) => createFsObjectStore({ root: `${dir.path}/objects`, ids: createSeededIds(seed) });
  return { store: open(1), other: open(2), close: dir.remove };
});
