import { join } from 'node:path';
import { createBeacons } from '../backends/beacon/index.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Beacon } from '../ports/beacon.ts';
import type { Scratch } from '../ports/scratch.ts';

/** Name of the file, and of the kind of scratch directory it lies in. */
export const BEACON = 'beacon';

/** Exit status of a worker whose process was ended by the handler in the middle of a task, whatever code that chose. */
export const ENDED_BY_HANDLER = 70;

export interface OpenBeacon {
  readonly beacon?: Beacon;
  close(): Promise<void>;
}

/** Without one the worker works as well: it only dies in silence. */
export async function openBeacon(scratch: Scratch): Promise<OpenBeacon> {
  try {
    const dir = await scratch.open(BEACON);
    const beacon = createBeacons().create(join(dir.path, BEACON));
    return {
      beacon,
      async close() {
        beacon.close();
        await dir.dispose();
      },
    };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { close: () => Promise.resolve() };
  }
}
