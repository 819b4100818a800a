import type { Beacon, BeaconReading, BeaconTask } from '../../../src/ports/beacon.ts';
import type { SimProcess } from '../core/processes.ts';

/** What workers leave on their nodes about their work; it outlives them, unless the node goes with them. */
export interface SimBeacons {
  portOf(process: SimProcess): Beacon;
  read(process: SimProcess): BeaconReading | null;
}

export function createSimBeacons(): SimBeacons {
  const left = new Map<SimProcess, { task: BeaconTask | null; readonly running: Map<number, number> }>();
  return {
    portOf(process) {
      const own = { task: null as BeaconTask | null, running: new Map<number, number>() };
      left.set(process, own);
      let tokens = 0;
      return {
        enter: (task) => void (own.task = task),
        begin(item) {
          tokens += 1;
          own.running.set(tokens, item);
          return tokens;
        },
        end: (token) => void own.running.delete(token),
        leave() {
          own.task = null;
          own.running.clear();
        },
        exiting: () => own.task !== null,
        close: () => undefined,
      };
    },
    read(process) {
      const found = left.get(process);
      if (found === undefined || found.task === null) return null;
      const inFlight = [...new Set(found.running.values())].toSorted((a, b) => a - b);
      return { task: found.task, inFlight, stuck: false };
    },
  };
}
