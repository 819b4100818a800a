import { readFileSync, readdirSync } from 'node:fs';
import { withTempDir } from './temp-dir.ts';

/** Environment variable by which the local scheduler marks an element: `<handle>_<index>.<restart>`, the name of its attempt. */
const ELEMENT_MARK = 'SLURMCTL_LOCAL_ELEMENT';

export interface LiveElement {
  readonly pid: number;
  readonly attempt: string;
}

/** Processes of array elements and finalisers, without the scripts they are children of, whose environment holds `mark`, an entry only one test has. */
export function liveElements(mark: string): LiveElement[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const entries = (commandLineOf(name)[0] ?? '').endsWith('/bash') ? [] : environmentOf(name);
      const attempt = entries.find((entry) => entry.startsWith(`${ELEMENT_MARK}=`))?.slice(ELEMENT_MARK.length + 1);
      return attempt !== undefined && entries.includes(mark) ? [{ pid: Number(name), attempt }] : [];
    });
}

/** Elements and finalisers of whatever was submitted from `directory` have ended; until then they may write there. */
const elementsEnded = (directory: string): Promise<true> =>
  eventually(`elements in ${directory} end`, () => elementsOf(directory) === 0 || null);

/** A new directory that is removed when whatever was submitted from it has ended. */
export const withQuietDir = <T>(use: (directory: string) => Promise<T>): Promise<T> =>
  withTempDir(async (directory) => {
    try {
      return await use(directory);
    } finally {
      await elementsEnded(directory);
    }
  });

function elementsOf(directory: string): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    const argv = commandLineOf(name);
    return argv.some((word) => word.includes(directory)) && argv.every((word) => !word.endsWith('supervisor-main.js'));
  }).length;
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Empty for a process that ended meanwhile, and for a zombie. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/**
 * Asks until the answer is neither null nor false. Bounded; for processes that give no event. At most half of the time goes into
 * asking: what is asked about needs the CPU, and must not be over before it is seen.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | null | false | Promise<T | null | false>,
  patienceMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const askedMs = performance.now();
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    const tookMs = performance.now() - askedMs;
    if (askedMs + tookMs > deadline) throw new Error(`${what}: not within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(tookMs, 15), 250)));
  }
}

/** A moment to kill something at: after `ms`. The delay is the subject of the test, not a wait for something. */
export const momentAfter = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
