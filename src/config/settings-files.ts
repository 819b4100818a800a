import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

export const SETTINGS_FILE = 'slurmctl.yaml';
export const HOME_DIRECTORY = '.slurmctl';

type Environment = Readonly<Record<string, string | undefined>>;

/** The nearest entry of that name and kind in the directory or one above it; null when there is none. */
export async function nearestUpwards(from: string, name: string, kind: 'file' | 'directory'): Promise<string | null> {
  for (let dir = from; ; dir = dirname(dir)) {
    const path = join(dir, name);
    if (await isThere(path, kind)) return path;
    if (dirname(dir) === dir) return null;
  }
}

/** The user's own settings file, whether it exists or not; null when no home directory is known. */
export function userSettingsPath(env: Environment): string | null {
  const xdg = env['XDG_CONFIG_HOME'];
  // The XDG specification has relative paths ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'slurmctl', 'config.yaml');
  const home = env['HOME'];
  return home !== undefined && isAbsolute(home) ? join(home, '.config', 'slurmctl', 'config.yaml') : null;
}

/** False also for what may not be looked at: a directory above the user's own may be closed. */
export async function isThere(path: string, kind: 'file' | 'directory'): Promise<boolean> {
  try {
    const info = await stat(path);
    return kind === 'file' ? info.isFile() : info.isDirectory();
  } catch {
    return false;
  }
}
