import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createFsObjectStore } from '../../src/backends/object-store/fs.ts';
import { createLocalSpillPlace, createSharedSpillPlace } from '../../src/backends/spill/places.ts';
import type { Ids } from '../../src/ports/random.ts';
import type { SpillPlaces } from '../../src/ports/spill.ts';

/** Real spill places below `root`: `home/spill`, and the node's own beside it. */
export function openSpillPlaces(root: string, ids: Ids): SpillPlaces {
  const home = join(root, 'home');
  mkdirSync(home, { recursive: true });
  const open = (directory: string) => createFsObjectStore({ root: directory, ids });
  return {
    shared: createSharedSpillPlace(home, open),
    local: createLocalSpillPlace({ env: { SLURMCTL_SCRATCH: root }, open, uid: userInfo().uid }),
  };
}
