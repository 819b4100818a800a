import { describe, expect, it } from 'vitest';
import { runChaos } from '../support/chaos-run.ts';
import { compiledProject } from '../support/compiled.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** `npm run chaos` is the long version. */
describe('a job on a real Slurm while everything breaks', () => {
  it('has every item once, names what happened, and leaves nothing behind', { timeout: 400_000 }, async () => {
    const project = await compiledProject();
    const report = await withTempDir((directory) =>
      runChaos({
        project,
        directory,
        seed: 5,
        tasks: 60,
        items: 3_000,
        chaosMs: 20_000,
        poison: 1,
        patienceMs: 240_000,
      }),
    );
    expect(report.violations).toEqual([]);
    expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(6);
    expect(report.injected.flatMap(({ victims }) => victims).length).toBeGreaterThanOrEqual(4);
    expect(report.wasted).toBeLessThan(0.5);
  });
});
