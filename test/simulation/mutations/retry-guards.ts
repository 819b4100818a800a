/** Guards of a retry: what is stored before the job and its tasks are opened, and what an attempt of the next generation begins with. */
import type { CoordinatorDeps } from '../../../src/coordinator/needs.ts';
import type { Mutation } from './mutation.ts';
import { drop, isTask, late, on, sets, type IsPart, type IsWrite } from './weaken.ts';

/** Long enough for others to need what was put. */
const LATE_MS = 20_000;

const storedLate = (name: string, isKey: (key: string) => boolean): Mutation => ({
  name,
  alterCoordinator: (deps: CoordinatorDeps) => ({
    ...deps,
    store: late(deps.store, isKey, () => deps.clock.sleep(LATE_MS)),
  }),
});

const isOpening: IsWrite = (key, change) => isTask(key, change) && sets(change, 'redo') === true;
const isRollup: IsWrite = ({ sort }) => sort === 'ROLLUP';
const ofClosedPlan: IsPart = (part) => part.op === 'not' && on('redoClosed')(part.of);

export const retryGuards: readonly Mutation[] = [
  drop('retry: not after its job was cancelled', isOpening, ofClosedPlan),
  drop('retry: the sums of no earlier pass', isRollup, (part) => part.op === 'or'),
  storedLate('retry: the plan before META', (key) => key.includes('/plan-')),
  storedLate('retry: the record before the task is opened', (key) => /\/redo\/\d+\/\d+\.json$/.test(key)),
  {
    name: 'retry: an attempt begins with what was left alone',
    alterWorker: (deps) => ({
      ...deps,
      store: {
        ...deps.store,
        get: (key, options) => (key.includes('/redo/') ? Promise.resolve(null) : deps.store.get(key, options)),
      },
    }),
  },
];
