import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where this user's processes keep what they could do without. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification has relative paths ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'slurmctl');
  const home = env['HOME'];
  return join(home !== undefined && isAbsolute(home) ? home : homedir(), '.cache', 'slurmctl');
}
