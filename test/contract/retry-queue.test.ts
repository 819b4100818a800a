import { createFsRetryQueue } from '../../src/backends/retry-queue/fs.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { describeRetryQueue } from './retry-queue.contract.ts';

for (const handles of [1, 2])
  describeRetryQueue(handles === 1 ? 'fs' : 'fs, two handles', () => {
    const dir = makeTempDir('queue');
    const clock = createManualClock();
    const open = (seed: number) => createFsRetryQueue({ root: `${dir.path}/queue`, ids: createSeededIds(seed), clock });
    const queue = open(1);
    return { queue, other: handles === 1 ? queue : open(2), pass: (ms) => clock.advance(ms), close: dir.remove };
  });
