import { createHash } from 'node:crypto';
import { ownUid } from '../backends/host.ts';
import { createSpaceMemory } from '../backends/space-memory/index.ts';
import type { SpaceMemory } from '../ports/space-memory.ts';
import { cacheDirectory } from './cache-directory.ts';
import type { Surroundings } from './job-backends.ts';

/** In the user's cache directory, one for each host: login nodes that share a home may have disks of the same name. */
export const openSpaceMemory = ({ env, ids, host }: Pick<Surroundings, 'env' | 'ids' | 'host'>): SpaceMemory =>
  createSpaceMemory({
    directory: cacheDirectory(env),
    key: createHash('sha256').update(host.hostname).digest('hex').slice(0, 12),
    uid: ownUid(),
    ids,
  });
