import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ownUid } from '../backends/host.ts';

/** Where this user's processes keep what they could do without. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification has relative paths ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'slurmctl');
  const home = env['HOME'];
  const known = home !== undefined && isAbsolute(home) ? home : homeOrNull();
  return known === null ? join(tmpdir(), `slurmctl-cache.${ownUid()}`) : join(known, '.cache', 'slurmctl');
}

/** Null where the list of users does not know this one, as in a container that runs under a bare number. */
function homeOrNull(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}
