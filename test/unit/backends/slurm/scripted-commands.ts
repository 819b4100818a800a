import { createSlurmBatchSystem } from '../../../../src/backends/batch-system/slurm/index.ts';
import type { CommandRequest, CommandResult } from '../../../../src/backends/shared/run-command.ts';
import type { BatchSystem } from '../../../../src/ports/batch-system.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { recorded } from './fixture.ts';
import { workerTemplate } from './requests.ts';

export type Answer = Partial<CommandResult>;

/** Answers by the start of the command line; the longest that fits wins. A function sees the request. */
export type Script = Record<string, Answer | ((request: CommandRequest) => Answer | Promise<Answer>)>;

const NORMAL: Script = {
  'scontrol ping': { stdout: recorded('ping.out') },
  'scontrol show config': { stdout: recorded('config.out') },
  'scontrol -o show partition': { stdout: recorded('partitions.out') },
  sinfo: { stdout: recorded('sinfo-driver.out') },
  sacctmgr: { exitCode: 1, stderr: 'sacctmgr: error: you may not\n' },
  sbatch: { stdout: '4711\n' },
  squeue: {},
  sacct: { exitCode: 1, stderr: recorded('sacct-disabled.err') },
};

/** The driver on commands whose answers were recorded from a real Slurm, or are given here. */
export function scriptedSlurm(script: Script = {}, env: Record<string, string> = { PATH: '/usr/bin' }) {
  const calls: CommandRequest[] = [];
  const answers = { ...NORMAL, ...script };
  const timers: (() => void)[] = [];
  let passedMs = 0;
  const clock: Clock = {
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => passedMs,
    sleep: () => Promise.resolve(),
    after: (_ms, fn) => {
      timers.push(fn);
      return () => undefined;
    },
    every: () => () => undefined,
  };
  const system: BatchSystem = createSlurmBatchSystem({
    env,
    clock,
    template: workerTemplate,
    uid: 0,
    async run(request) {
      calls.push(request);
      const line = request.argv.join(' ');
      const key = Object.keys(answers)
        .filter((start) => line.startsWith(start))
        .toSorted((a, b) => b.length - a.length)[0];
      if (key === undefined) throw new Error(`no answer for ${line}`);
      const found = answers[key] as Script[string];
      const answer = typeof found === 'function' ? await found(request) : found;
      return { ended: 'exited', exitCode: 0, signal: null, stdout: '', stderr: '', ...answer };
    },
  });
  const pass = (ms: number): void => void (passedMs += ms);
  return { system, calls, timers, pass, lines: () => calls.map(({ argv }) => argv.join(' ')) };
}
