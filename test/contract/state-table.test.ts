import { createSystemClock } from '../../src/backends/clock.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { createSeededIds } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { describeStateTable } from './state-table.contract.ts';

const clock = createSystemClock();

describeStateTable('fs', () => {
  const dir = makeTempDir('state');
  const table = createFsStateTable({ root: `${dir.path}/state`, ids: createSeededIds(1), clock });
  return { table, other: table, close: dir.remove };
});

describeStateTable('fs, two handles', () => {
  const dir = makeTempDir('state');
  const open = (seed: number) =>
    createFsStateTable({ root: `${dir.path}/state`, ids: createSeededIds(seed), clock, fsync: seed === 1 });
  return { table: open(1), other: open(2), close: dir.remove };
});
