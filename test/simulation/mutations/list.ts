/** The guards that make concurrent and dying processes harmless, each taken away in turn. */
import type { StateTable } from '../../../src/ports/state-table.ts';
import { failureGuards } from './failure-guards.ts';
import type { Mutation } from './mutation.ts';
import { retryGuards } from './retry-guards.ts';
import { drop, isTask, late, on, sets, type IsPart, type IsWrite } from './weaken.ts';

const isClaim: IsWrite = (key, change) => isTask(key, change) && change.add?.['charged'] === 1;
const isTakeOver: IsWrite = (key, change) =>
  isTask(key, change) && change.add?.['attempts'] === 1 && change.add['charged'] === undefined;
const isCommit: IsWrite = (key, change) => isTask(key, change) && sets(change, 'win') !== undefined;
const isCheckpoint: IsWrite = (key, change) => isTask(key, change) && sets(change, 'checkpoint') !== undefined;
const isHeartbeat: IsWrite = (key, change) =>
  isTask(key, change) && sets(change, 'state') === undefined && sets(change, 'progress') !== undefined;
const isRelease: IsWrite = (key, change) =>
  isTask(key, change) && sets(change, 'state') === 'WAIT' && sets(change, 'notBeforeMs') === undefined;
const isDecision: IsWrite = (key, change) =>
  isTask(key, change) && sets(change, 'checkpointSeen') !== undefined && sets(change, 'generation') === undefined;
const isDue: IsWrite = (key, change) =>
  isTask(key, change) && sets(change, 'state') === 'PENDING' && sets(change, 'generation') === undefined;
const isReopen: IsWrite = (key, change) => isTask(key, change) && sets(change, 'corruptions') !== undefined;
const isMeta: IsWrite = ({ sort }) => sort === 'META';
const isRow: IsWrite = ({ sort }) => sort.startsWith('SUB#');
const isLock: IsWrite = ({ sort }) => sort === 'LOCK';

const all: IsPart = () => true;

/** A table that keeps nothing of writes with this attribute. */
const forgetting = (state: StateTable, name: string): StateTable => ({
  ...state,
  write: async (key, change, when) => {
    const { [name]: _, ...set } = change.set ?? {};
    const touches = change.set?.[name] !== undefined && Object.keys(set).length === 0;
    return touches
      ? { applied: true, item: { ...(await state.get(key)), ...change.set } }
      : state.write(key, change, when);
  },
});

export const mutations: readonly Mutation[] = [
  drop('claim: the task is PENDING', isClaim, on('state')),
  drop('take over: from the owner that was seen', isTakeOver, on('owner')),
  drop('take over: not beyond the most attempts', isTakeOver, (part) => part.op === 'or'),
  drop('heartbeat: only by the owner', isHeartbeat, on('owner')),
  drop('heartbeat: only while RUNNING', isHeartbeat, on('state')),
  drop('checkpoint: only by the owner', isCheckpoint, on('owner')),
  drop('checkpoint: only while RUNNING', isCheckpoint, on('state')),
  drop('checkpoint: only forward', isCheckpoint, (part) => part.op === 'or'),
  drop('release: only by the owner', isRelease, on('owner')),
  drop('release: only while RUNNING', isRelease, on('state')),
  drop('commit: no winner yet', isCommit, (part) => on('win')(part) || on('state')(part)),
  drop('commit: of this generation', isCommit, on('generation')),
  drop('decision: for the owner that was seen', isDecision, on('owner')),
  drop('decision: for the state that was seen', isDecision, on('state')),
  drop('decision: not decided before', isDecision, on('notBeforeMs')),
  drop('decision: for the attempt that was seen', isDecision, on('attempts')),
  drop('due: the task is in WAIT', isDue, (part) => on('state')(part) || on('notBeforeMs')(part)),
  drop('due: the wait that was seen', isDue, (part) => on('attempts')(part) || on('notBeforeMs')(part)),
  drop('META: only forward', isMeta, (part) => on('stage')(part) || on('wave')(part) || on('submittedWave')(part)),
  drop('reopen: the winner that was found corrupt', isReopen, all),
  drop('META: no later fence has written', isMeta, on('fence')),
  drop('META: from a state with such an arrow', isMeta, on('state')),
  drop('outbox: the row is still as it was', isRow, on('state')),
  drop('lock: taken as it was seen', isLock, (part) => on('nonce')(part) || on('fence')(part)),
  drop('lock: renewed and released by its owner', isLock, (part) => on('owner')(part) || on('fence')(part)),
  { name: 'create: leaves alone what is there', createsReplace: true },
  { name: 'outbox: looked up before it is sent again', isBlind: true },
  {
    name: 'outbox: written down before it is sent',
    alterCoordinator: (deps) => ({ ...deps, state: forgetting(deps.state, 'sentMs') }),
  },
  {
    name: 'commit: after the upload of done.json',
    alterWorker: (deps) => ({
      ...deps,
      store: late(
        deps.store,
        (key) => key.endsWith('/done.json'),
        () => deps.clock.sleep(2_000),
      ),
    }),
  },
  {
    name: 'checkpoint: after the upload of its segment',
    alterWorker: (deps) => ({
      ...deps,
      store: late(
        deps.store,
        (key) => key.includes('/seg/'),
        () => deps.clock.sleep(2_000),
      ),
    }),
  },
  {
    name: 'keep: the record after the files it speaks of',
    alterWorker: (deps) => {
      const { shared } = deps.spills;
      const store = late(
        shared.store,
        (key) => key.endsWith('/done.json'),
        () => deps.clock.sleep(600_000),
      );
      return { ...deps, spills: { ...deps.spills, shared: { ...shared, store } } };
    },
  },
  {
    name: 'publication: the pointer moves last',
    alterAggregator: (deps) => ({
      ...deps,
      store: {
        ...deps.store,
        put: async (key, body, signal) => {
          const { createHash } = await import('node:crypto');
          if (!key.endsWith('/_manifest.json') || typeof body !== 'string') return deps.store.put(key, body, signal);
          void deps.store.put(key, body).catch(() => undefined);
          return { key, bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
        },
      },
    }),
  },
  {
    name: 'resume: from the checkpoint',
    alterWorker: (deps) => ({
      ...deps,
      store: {
        ...deps.store,
        get: (key, options) => (key.includes('/seg/') ? Promise.resolve(null) : deps.store.get(key, options)),
      },
    }),
  },
  {
    name: 'verify: hashes of what is merged',
    alterAggregator: (deps) => ({
      ...deps,
      store: { ...deps.store, getFile: (key, path) => deps.store.getFile(key, path), localPath: () => null },
    }),
  },
  ...failureGuards,
  ...retryGuards,
];
