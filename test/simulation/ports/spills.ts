/** Spill places: the home directory, which every node sees, and a directory of each node. Their disks know no weather. */
import { AppError } from '../../../src/errors/app-error.ts';
import type { SpillPlace, SpillPlaces } from '../../../src/ports/spill.ts';
import type { SimNode } from '../core/nodes.ts';
import type { Processes, SimProcess } from '../core/processes.ts';
import { createSimObjectStore, type SimObjectStore, type StoreEvent } from './object-store.ts';

export interface SimSpills {
  portOf(process: SimProcess): SpillPlaces;
  /** Attempts that were kept whole, over all places and for ever, as `<job>/<task>/<attempt>`. */
  readonly kept: ReadonlySet<string>;
}

export function createSimSpills(processes: Processes, watch: (event: StoreEvent) => void): SimSpills {
  const kept = new Set<string>();
  const open = (): SimObjectStore =>
    createSimObjectStore({
      processes,
      isLocal: false,
      port: 'disk',
      watch: (event) => {
        const { kind, key } = event;
        if (kind === 'put' && key.endsWith('/spill.json')) kept.add(key.slice(0, key.lastIndexOf('/')));
        watch(event);
      },
    });
  const shared = open();
  const locals = new Map<SimNode, SimObjectStore>();
  const localOf = (node: SimNode): SimObjectStore => {
    const known = locals.get(node) ?? open();
    locals.set(node, known);
    return known;
  };
  const place = (store: SimObjectStore, process: SimProcess, prepare: () => void): SpillPlace => ({
    store: store.portOf(process),
    path: '/spill',
    isThere: () => store.keys('').length > 0,
    prepare,
  });
  return {
    kept,
    portOf: (process) => ({
      // A full disk stands for a full home directory, too, on every other node.
      shared: place(shared, process, () => {
        if (process.node.diskFull && process.pid % 2 === 0) throw full();
      }),
      local: place(localOf(process.node), process, () => {
        if (process.node.diskFull) throw full();
      }),
    }),
  };
}

const full = (): AppError => new AppError('SCRATCH_FULL', { message: 'simulated: no space left on device' });
