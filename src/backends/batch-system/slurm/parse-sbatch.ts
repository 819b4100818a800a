import type { BatchHandle } from '../../../ports/batch-system.ts';

/**
 * The job of `sbatch --parsable`: `4711` or `4711;cluster` on a line of its own, or the sentence of an sbatch wrapper that dropped the
 * option. Null when no line, or lines of different jobs, fit: a banner may hold a number.
 */
export function parseSubmitted(stdout: string): BatchHandle | null {
  const found = new Map<string, BatchHandle>();
  for (const line of stdout.split(/\r?\n/)) {
    const match =
      /^\s*([1-9]\d{0,18})(?:;([A-Za-z0-9._-]+))?\s*$/.exec(line) ??
      /^\s*Submitted batch job ([1-9]\d{0,18})(?: on cluster ([A-Za-z0-9._-]+))?\s*$/.exec(line);
    const [, id, cluster] = match ?? [];
    if (id !== undefined) found.set(`${id};${cluster ?? ''}`, cluster === undefined ? { id } : { id, cluster });
  }
  return found.size === 1 ? ([...found.values()][0] as BatchHandle) : null;
}
