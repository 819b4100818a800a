import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PauseDocument, ResumeDocument } from '../../src/app/decision-documents.ts';
import type { PlanDocument, RetryDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readTasks } from '../../src/coordinator/task-list.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { createCli as openCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { expectDoubles as expectDoublesIn, jobFile, MAX_ARRAY_SIZE, until } from '../support/slurm-job.ts';
import { openPlace, type Place, type Where } from '../support/places.ts';
import { startSlurmCluster, type SlurmCluster } from '../support/slurm-cluster.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** Pids of processes whose environment names this job as a worker's. */
function workerPids(job: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`slurmctl-worker.js\0--job\0${job}\0`);
      } catch {
        return false;
      }
    });
}

/** Whoever published says what it did when all is stored. */
const SAID = { timeout: 30_000 };

/** @param where where the state of its jobs lives: each job has a place of its own */
export function describeSlurmJobs(where: Where): void {
  describe(`the main job on a real Slurm, with state in ${where.kind}`, () => {
    let cluster: SlurmCluster;
    const temp = makeTempDir('slurm-e2e');
    let sequence = 0;
    let compiled = '';
    const createCli = (cwd: string, env: NodeJS.ProcessEnv): Cli => openCli(cwd, env, compiled);

    const places = new Map<Cli, Place>();

    type Wishes = Parameters<typeof jobFile>[0] & { items?: number; env?: NodeJS.ProcessEnv };
    const project = async (options: Wishes = {}): Promise<Cli> => {
      const directory = join(temp.path, `p${(sequence += 1)}`);
      const place = await openPlace({ ...where, directory });
      writeFiles(directory, {
        ...(place.settings === '' ? {} : { 'slurmctl.yaml': place.settings }),
        'job.yaml': jobFile(options),
        'handler.mjs': DOUBLING_HANDLER,
        'numbers.jsonl': numberLines(options.items ?? 200),
      });
      const cli = createCli(directory, {
        ...cluster.env,
        ...place.env,
        CALLS: join(directory, 'calls'),
        ...options.env,
      });
      places.set(cli, place);
      return cli;
    };
    /** Every item once in the output, and everything that is stored belongs together. */
    const expectDoubles = async (cli: Cli, job: string, count: number): Promise<void> => {
      await expectDoublesIn(cli, job, count);
      await places.get(cli)?.expectSound(job as JobId);
    };
    const submit = (cli: Cli): Promise<SubmitDocument> => cli.json<SubmitDocument>(['submit', 'job.yaml']);
    const status = (cli: Cli, job: string): Promise<StatusDocument> => cli.json<StatusDocument>(['status', job]);
    /** What is stored, past the command line: a process for each look would take the CPU from those that are looked at. */
    const storedState = (cli: Cli) => (places.get(cli) as Place).state;
    const runningTasks = async (cli: Cli, job: string): Promise<number> => {
      const meta = await readMeta(storedState(cli), job as JobId);
      let running = 0;
      for await (const task of readTasks(storedState(cli), job as JobId, meta?.shards ?? 1))
        if (task.state === 'RUNNING') running += 1;
      return running;
    };
    const finish = async (cli: Cli, job: string): Promise<StatusDocument> => {
      await until(
        async () => isFinalJobState((await readMeta(storedState(cli), job as JobId))?.state ?? 'RUNNING') || null,
      );
      return status(cli, job);
    };
    const callsOf = (cli: Cli): string[] => {
      const file = join(cli.cwd, 'calls');
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    };

    beforeAll(async () => {
      compiled = await compiledProject();
      cluster = await startSlurmCluster({ nodes: 3, cpus: 2, maxArraySize: MAX_ARRAY_SIZE, settings: { KillWait: 5 } });
    }, 180_000);
    afterAll(async () => {
      await cluster?.stop();
      for (const place of places.values()) await place.close();
      temp.remove();
    }, 60_000);

    it('goes out as arrays by itself, and publishes by its own finaliser', async () => {
      const cli = await project();
      const plan = await cli.json<PlanDocument>(['plan', 'job.yaml']);
      expect(plan).toMatchObject({ scheduler: 'slurm', tasks: 20, elements: 6 });
      expect(plan.submissions[0]?.argv[0]).toBe('sbatch');
      const { jobId, scheduler } = await submit(cli);
      expect(scheduler).toBe('slurm');
      expect((await finish(cli, jobId)).job.state).toBe('COMPLETED');
      await expectDoubles(cli, jobId, 200);
      expect(callsOf(cli)).toHaveLength(200);
      // The finaliser ends a moment after it has published.
      await until(async () => (await cluster.slurm('squeue', '-h')).trim() === '' || null);
    });

    it('runs the task of a worker that was killed with -9 again, by name', async () => {
      // One worker, killed in the first half of its first task: an item is running then.
      const cli = await project({ elements: 1, items: 40, env: { ITEM_MS: '300' } });
      const { jobId } = await submit(cli);
      const pid = await until(() => workerPids(jobId)[0] ?? null);
      await until(() => callsOf(cli).length > 1 || null);
      process.kill(pid, 'SIGKILL');
      const ended = await finish(cli, jobId);
      expect(ended.job.state).toBe('COMPLETED');
      await expectDoubles(cli, jobId, 40);
      await expect
        .poll(() => retriedCauses(cli, jobId), SAID)
        .toMatch(/killed \(the worker was killed by signal 9 while items? .* running/);
    });

    it('names the time limit, and goes on from the checkpoint', { timeout: 400_000 }, async () => {
      const cli = await project({ elements: 1, items: 20, batch: 20, time: '1m', env: { ITEM_MS: '4000' } });
      const { jobId } = await submit(cli);
      const ended = await finish(cli, jobId);
      expect(ended.job.state).toBe('COMPLETED');
      await expectDoubles(cli, jobId, 20);
      expect(new Set(callsOf(cli)).size).toBe(20);
      // A handler that was interrupted has noted its call already; nothing that had finished is run again.
      expect(callsOf(cli).length).toBeLessThanOrEqual(20 + 3);
    });

    it('holds what waits while it is paused, stops what runs when told to, and goes on when it is resumed', async () => {
      const cli = await project({ elements: 'tasks', items: 80, env: { ITEM_MS: '300' } });
      // No element ends before it is paused, however long the command takes to start.
      writeFiles(cli.cwd, {
        'handler.mjs': `import double from './double.mjs';
          import { existsSync } from 'node:fs';
          export default async (record, ctx) => {
            const result = await double(record, ctx);
            while (record.n % 10 > 1 && !existsSync(process.env.CALLS + '.go'))
              await new Promise((done) => setTimeout(done, 50));
            return result;
          };`,
        'double.mjs': DOUBLING_HANDLER,
      });
      const { jobId, submissions } = await submit(cli);
      const handle = submissions[0]?.handle as string;
      await until(() => callsOf(cli).length > 8 || null);
      const paused = await cli.json<PauseDocument>(['pause', jobId, '--now']);
      expect(paused).toMatchObject({ state: 'PAUSED', changed: true, draining: true });
      expect(paused.heldElements).toBeGreaterThan(0);
      writeFiles(cli.cwd, { 'calls.go': '' });
      await until(async () => (await runningTasks(cli, jobId)) === 0 || null);
      // An element ends a moment after it has handed its task back.
      await until(async () => {
        const queued = await cluster.slurm('squeue', '-h', '-j', handle, '-o', '%T %r');
        return /^(PENDING JobHeldUser\n)+$/.test(queued) || null;
      });
      expect(await cli.json<ResumeDocument>(['resume', jobId])).toMatchObject({ changed: true });
      expect((await finish(cli, jobId)).job.state).toBe('COMPLETED');
      await expectDoubles(cli, jobId, 80);
      // What had begun when the signal came may end; nothing that had ended is run again.
      expect(callsOf(cli).length).toBeLessThanOrEqual(80 + paused.runningElements);
    });

    it('finishes a submit that was killed between sbatch and its record', async () => {
      const cli = await project();
      const killer = join(cli.cwd, 'bin');
      const real = (await cluster.slurm('which', 'sbatch')).trim();
      writeFiles(killer, {
        // Submits for real, then kills whoever asked, before the answer is read.
        sbatch: `#!/bin/bash\n${real} "$@" > "${cli.cwd}/answer"\nkill -9 "$PPID"\nsleep 5\n`,
      });
      const { chmodSync } = await import('node:fs');
      chmodSync(join(killer, 'sbatch'), 0o755);
      const victim = createCli(cli.cwd, {
        ...cluster.env,
        ...places.get(cli)?.env,
        CALLS: join(cli.cwd, 'calls'),
        PATH: `${killer}:${process.env['PATH']}`,
      });
      const died = await victim('submit', 'job.yaml');
      expect(died.signal).toBe('SIGKILL');
      const list = await cli.json<{ jobs: { id: string; state: string }[] }>(['list']);
      expect(list.jobs).toHaveLength(1);
      expect(list.jobs[0]?.state).toBe('SUBMITTING');
      const job = list.jobs[0]?.id as string;
      const advanced = await cli('advance', job);
      expect(advanced.code, advanced.stderr).toBe(0);
      const after = await status(cli, job);
      expect(after.submissions.filter((row) => row.kind === 'array')).toMatchObject([
        { handle: readFileSync(join(cli.cwd, 'answer'), 'utf8').trim() },
      ]);
      await finish(cli, job);
      await expectDoubles(cli, job, 200);
      expect(callsOf(cli)).toHaveLength(200);
    });

    it('runs the items that failed again with more memory, and no others', async () => {
      const cli = await project({ elements: 1, items: 20 });
      writeFiles(cli.cwd, {
        'handler.mjs': `import double from './double.mjs';
          import { existsSync } from 'node:fs';
          export default async (record, ctx) => {
            const result = await double(record, ctx);
            if (record.n % 7 === 3 && !existsSync('fixed')) throw new RangeError('no licence for ' + record.n);
            return result;
          };`,
        'double.mjs': DOUBLING_HANDLER,
      });
      const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml', '--set', 'retry.items=1']);
      expect(await finish(cli, jobId)).toMatchObject({ job: { state: 'FAILED' }, items: { failed: 3 } });
      const before = callsOf(cli).length;
      writeFiles(cli.cwd, { fixed: '' });
      const sent = await cli.json<RetryDocument>(['retry', jobId, '--failed', '--memory', '300M']);
      expect(sent).toMatchObject({ items: 3, tasks: 2, generation: 1, elements: 1 });
      const asked = await cluster.slurm('scontrol', 'show', 'job', sent.submissions[0]?.handle as string);
      expect(asked).toContain('mem=300M');
      expect(await finish(cli, jobId)).toMatchObject({ job: { state: 'COMPLETED' }, outputGeneration: 1 });
      await expectDoubles(cli, jobId, 20);
      expect(new Set(callsOf(cli).slice(before))).toEqual(new Set(['3', '10', '17']));
    });

    it('cancels everything it has in Slurm', async () => {
      const cli = await project({ env: { ITEM_MS: '1000' } });
      const { jobId } = await submit(cli);
      await until(async () => (await runningTasks(cli, jobId)) > 0 || null);
      const cancelled = await cli('cancel', jobId);
      expect(cancelled.code, cancelled.stderr).toBe(0);
      await until(async () => (await cluster.slurm('squeue', '-h')).trim() === '' || null);
      expect((await status(cli, jobId)).job.state).toBe('CANCELLED');
      await until(() => workerPids(jobId).length === 0 || null);
    });

    // Matters of Slurm: where the state lives makes no difference to them.
    if (where.kind === 'a directory') {
      it('cuts an array above MaxArraySize into chunks that start at 0 again', async () => {
        const cli = await project({ elements: 'tasks', items: 240 });
        const submitted = await submit(cli);
        expect(submitted).toMatchObject({ tasks: 24, elements: 24 });
        expect(submitted.submissions.map((one) => one.elements)).toEqual([8, 8, 8]);
        await finish(cli, submitted.jobId);
        await expectDoubles(cli, submitted.jobId, 240);
        expect(callsOf(cli)).toHaveLength(240);
      });

      it('survives the death of a node', async () => {
        const cli = await project({ env: { ITEM_MS: '60' } });
        const { jobId } = await submit(cli);
        await until(async () => (await runningTasks(cli, jobId)) >= 5 || null);
        await cluster.killNode('n2');
        const ended = await finish(cli, jobId);
        await cluster.startNode('n2');
        expect(ended.job.state).toBe('COMPLETED');
        await expectDoubles(cli, jobId, 200);
      });

      it('saves the work of elements that are told to leave, by the script alone or by a requeue', async () => {
        const cli = await project({ elements: 2, items: 120, batch: 60, env: { ITEM_MS: '150' } });
        const { jobId, submissions } = await submit(cli);
        await until(async () => (await runningTasks(cli, jobId)) === 2 || null);
        await until(() => callsOf(cli).length > 8 || null);
        const handle = submissions[0]?.handle as string;
        await cluster.slurm('scancel', '--batch', '--signal=TERM', `${handle}_0`);
        await cluster.slurm('scontrol', 'requeue', `${handle}_1`);
        const ended = await finish(cli, jobId);
        expect(ended.job.state).toBe('COMPLETED');
        await expectDoubles(cli, jobId, 120);
        // What had begun when the signal came may end; nothing that had ended is run again.
        expect(callsOf(cli).length).toBeLessThanOrEqual(120 + 2);
      });

      it('avoids a node on which elements die at once, and finishes without it', async () => {
        const cli = await project({ elements: 'tasks', items: 120, env: { BAD_NODE: 'n2', ITEM_MS: '30' } });
        writeFiles(cli.cwd, {
          'handler.mjs': `if (process.env.SLURMD_NODENAME === process.env.BAD_NODE) process.exit(66);\n${DOUBLING_HANDLER}`,
        });
        const { jobId } = await submit(cli);
        const ended = await finish(cli, jobId);
        expect(ended.job.state).toBe('COMPLETED');
        await expectDoubles(cli, jobId, 120);
        await expect
          .poll(() => retriedCauses(cli, jobId), SAID)
          .toMatch(/node n2 is avoided for 4 h: \d+ elements died there within \d+ s/);
        const last = ended.submissions.findLast((row) => row.kind === 'array');
        expect(last?.wave).toBeGreaterThan(0);
        expect(await cluster.slurm('scontrol', 'show', 'job', `${last?.handle}`)).toContain('ExcNodeList=n2');
      });

      it('sends a task again whose element somebody cancelled', async () => {
        const cli = await project({ elements: 2, env: { ITEM_MS: '60' } });
        const { jobId, submissions } = await submit(cli);
        await until(async () => (await runningTasks(cli, jobId)) === 2 || null);
        await cluster.slurm('scancel', `${submissions[0]?.handle}_0`);
        const ended = await finish(cli, jobId);
        expect(ended.job.state).toBe('COMPLETED');
        await expectDoubles(cli, jobId, 200);
      });

      it('refuses a partition that does not exist, and leaves nothing', async () => {
        const cli = await project({ partition: 'mian' });
        const refused = await cli('submit', 'job.yaml');
        expect(refused.code).toBe(2);
        expect(refused.stderr).toContain('mian');
        expect(refused.stderr).not.toMatch(/^\s+at /m);
        expect((await cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
      });

      it('says that the controller is down, at submit and at status, and loses nothing', async () => {
        const cli = await project({ env: { ITEM_MS: '30' } });
        const { jobId } = await submit(cli);
        await cluster.stopController();
        try {
          const refused = await cli('submit', 'job.yaml', '--scheduler', 'slurm');
          expect(refused.code, refused.stderr).toBe(5);
          expect(refused.stderr).not.toMatch(/^\s+at /m);
          const seen = await cli('status', jobId);
          expect(seen.code, seen.stderr).toBe(0);
          const advanced = await cli('advance', jobId);
          expect([0, 5]).toContain(advanced.code);
          expect(advanced.stderr).not.toMatch(/^\s+at /m);
        } finally {
          await cluster.startController();
        }
        await until(async () => (await cli('advance', jobId)).code === 0 || null);
        await finish(cli, jobId);
        await expectDoubles(cli, jobId, 200);
        expect((await cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toHaveLength(1);
      });
    }

    /** Causes that finaliser and worker output name for retried tasks. */
    async function retriedCauses(cli: Cli, job: string): Promise<string> {
      const directory = join(cli.cwd, '.slurmctl/elements', job, 'advance');
      const files = existsSync(directory) ? readdirSync(directory) : [];
      return files.map((file) => readFileSync(join(directory, file), 'utf8')).join('\n');
    }
  });
}
