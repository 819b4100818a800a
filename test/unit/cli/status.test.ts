import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import { JOB_STATES } from '../../../src/domain/states.ts';
import { renderStatus } from '../../../src/cli/render/status.ts';
import { displayWidth } from '../../../src/cli/render/text.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import type { StopHooks } from '../../../src/cli/io.ts';
import { finalStatus, JOB, runningStatus } from './documents.fixture.ts';
import { runInProcess, stream } from './run-cli.harness.ts';

// oxlint-disable-next-line no-control-regex -- the cursor's way back
const GOES_BACK = /\u001b\[\d+A/g;

describe('status', () => {
  it('shows a line a fact', async () => {
    const { code, stdout, stderr } = await runInProcess(['status', JOB], {
      app: { status: async () => runningStatus },
    });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "job         licences-7k3f9q2m  (licences)
      state       RUNNING on slurm, wave 1
      items       ██████████░░░░░░░░░░░░░░ 452 of 1,000 (45%), 12 failed
      tasks       10: 1 pending, 2 submitted, 2 running, 1 waiting for a retry, 4 done
      speed       10/s, 41 s to 1 m 15 s left
      used        0.42 CPU-hours so far, 41 % of 2 CPUs, 1.2 GiB of 4.0 GiB, longest task 31 s of 1 h
      created     2026-11-20 23:31 UTC
      queue       2 elements wait: its quality of service lets one user have no more jobs at a time; 50 of yours are running (QOSMaxJobsPerUserLimit)
                  as Slurm said at 2026-11-20 23:31 UTC
      slow        task 000007 on n2 runs for 1 m 35 s, others took 20 s; 40 of 100 items
      retries     1 task waits: 1 × oom; the next advance decides about 1
      cost        8 attempts for 7 tasks
      causes      oom: 1 task, the memory limit was exceeded (000003 on n2)
      errors      1feedbeef000: 1 task failed alike, oom (task 000003: killed)
                  1c0ffee00000: at least 9 items (75% of the failed ones) failed alike, handler-error (LicenceError: no licence for pump-3)
                  what failed, where and what to do: slurmctl analyze-errors licences-7k3f9q2m
      arrays      wave 0: 4 elements, job 4711, submitted
                  wave 0: finaliser, not accepted yet, intent
      "
    `);
    expect(stderr).toBe(`next: slurmctl status ${JOB} --watch\n`);
  });

  it('asks for @last by default', async () => {
    const asked: string[] = [];
    const status = async (job: string) => {
      asked.push(job);
      return runningStatus;
    };
    await runInProcess(['status'], { app: { status } });
    expect(asked).toEqual(['@last']);
  });

  it.each(JOB_STATES)('exits with 0 for %s and names a next command', async (state) => {
    for (const output of [null, '/data/out.parquet']) {
      const { code, stderr } = await runInProcess(['status'], {
        app: { status: async () => finalStatus(state, output) },
      });
      expect(code).toBe(0);
      expect(stderr).toMatch(/^next: slurmctl /);
    }
  });

  it('--json prints the document as it is', async () => {
    const { stdout, stderr } = await runInProcess(['status', '--json', '--quiet'], {
      app: { status: async () => runningStatus },
    });
    expect(JSON.parse(stdout)).toEqual(runningStatus);
    expect(stderr).toBe('');
  });

  it('no line is wider than the terminal but the path of the output', () => {
    const long = {
      ...finalStatus('FAILED'),
      job: { ...runningStatus.job, reason: 'x'.repeat(300) },
      causes: runningStatus.causes,
    };
    for (const width of [40, 60, 100]) {
      const lines = renderStatus(long, { style: createStyle(false), width, flagged: String }).split('\n');
      expect(lines.filter((line) => line.length > width && !line.startsWith('output'))).toEqual([]);
    }
  });
});

describe('status --watch', () => {
  const watch = (): ReturnType<App['watch']> => stream(runningStatus, runningStatus, finalStatus('COMPLETED'));

  it('prints a line a change when stdout is not a terminal', async () => {
    const { code, stdout } = await runInProcess(['status', '--watch'], { app: { watch } });
    expect(code).toBe(0);
    expect(stdout).toBe(
      'RUNNING: 452 of 1,000 items (45%), 12 failed, 10/s, 41 s to 1 m 15 s left\nCOMPLETED: 1,000 of 1,000 items (100%), 12 failed, 12/s\n',
    );
  });

  it('redraws in place on a terminal, within its height', async () => {
    const { stdout } = await runInProcess(['status', '--watch'], { app: { watch }, tty: { columns: 70, rows: 6 } });
    const [, second, third] = stdout.split('\u001b[5A\r');
    expect(second?.split('\n')).toHaveLength(6);
    expect(third).toContain('COMPLETED');
  });

  it('redraws the whole picture on a terminal that was made narrower meanwhile', async () => {
    const tty = { columns: 70, rows: 40 };
    async function* narrowing(): ReturnType<App['watch']> {
      yield runningStatus;
      tty.columns = 30;
      yield runningStatus;
    }
    const { stdout } = await runInProcess(['status', '--watch'], { app: { watch: narrowing }, tty });
    // oxlint-disable-next-line no-control-regex -- the cursor's way back is what this is about
    const [, first = '', back, second = ''] = /^([\s\S]*?)\u001b\[(\d+)A\r([\s\S]*)$/.exec(stdout) ?? [];
    const widths = (text: string): number[] =>
      stripVTControlCharacters(text)
        .trimEnd()
        .split('\n')
        .map(({ length }) => length);
    expect(Number(back)).toBe(widths(first).reduce((sum, width) => sum + Math.ceil(width / 30), 0));
    expect(Number(back)).toBeGreaterThan(widths(first).length);
    expect(Math.max(...widths(second))).toBeLessThanOrEqual(30);
  });

  it('hides the cursor while it draws, and clears what is longer than the line put over it', async () => {
    const tty = { columns: 70, rows: 40 };
    const shorter = { ...runningStatus, queue: { ...runningStatus.queue, waiting: [] } } as typeof runningStatus;
    const { stdout } = await runInProcess(['status', '--watch'], {
      app: { watch: () => stream(runningStatus, shorter) },
      tty,
    });
    expect(stdout.startsWith('\u001b[?25l')).toBe(true);
    expect(stdout.endsWith('\u001b[J\u001b[?25h')).toBe(true);
    for (const line of stdout.split('\n')) {
      const width = displayWidth(stripVTControlCharacters(line));
      expect(width).toBeLessThanOrEqual(70);
      expect(line.includes('\u001b[K')).toBe(width > 0 && width < 70);
    }
    const gone = await runInProcess(['status', '--watch'], {
      app: { watch: () => stream(runningStatus) },
      tty,
      env: { TERM: 'dumb' },
    });
    expect(gone.stdout).not.toContain('\u001b');
  });

  it('counts the rows of a path that is longer than the terminal is wide, and clears behind it', async () => {
    const tty = { columns: 70, rows: 40 };
    const earlier = { ...runningStatus, output: `/shared/${'deep/'.repeat(20)}out.parquet`, outputGeneration: 0 };
    const looks = () => stream<typeof runningStatus>(earlier, earlier);
    const { stdout } = await runInProcess(['status', '--watch'], { app: { watch: looks }, tty });
    const line = stdout.split('\n').find((each) => each.includes('out.parquet'));
    expect(line?.endsWith('\u001b[K')).toBe(true);
    // Without room for both of its rows it is left out, or the next picture would be put one row too low.
    const whole = stripVTControlCharacters(stdout).split('\n');
    const at = whole.findIndex((each) => each.includes('out.parquet'));
    const low = await runInProcess(['status', '--watch'], {
      app: { watch: looks },
      tty: { columns: 70, rows: at + 2 },
    });
    expect(low.stdout).not.toContain('out.parquet');
  });

  it('gives the cursor back while it is stopped, and goes on below what stands there then', async () => {
    const stops = new Set<StopHooks>();
    async function* looks(): AsyncGenerator<typeof runningStatus> {
      yield runningStatus;
      for (const { before } of stops) await before();
      for (const { after } of stops) await after();
      yield runningStatus;
    }
    const watch = (tty?: { columns: number; rows: number }) =>
      runInProcess(['status', '--watch'], { app: { watch: looks }, stops, ...(tty === undefined ? {} : { tty }) });
    const { stdout } = await watch({ columns: 70, rows: 40 });
    const [first = '', second = '', ...more] = stdout.split('\u001b[?25h');
    expect(more).toEqual(['']);
    for (const part of [first, second]) expect(part.startsWith('\u001b[?25l')).toBe(true);
    // The picture after the stop is put over none, and the one after that over it.
    expect(first).not.toMatch(GOES_BACK);
    expect(second.match(GOES_BACK)).toHaveLength(1);
    expect(stops.size).toBe(0);
    expect((await watch()).stdout).not.toContain('\u001b');
  });

  it('shows the cursor again when a look fails', async () => {
    async function* failing(): ReturnType<App['watch']> {
      yield runningStatus;
      throw new AppError('STATE_UNAVAILABLE', { message: 'the table does not answer' });
    }
    const tty = { columns: 70, rows: 40 };
    const { code, stdout } = await runInProcess(['status', '--watch'], { app: { watch: failing }, tty });
    expect(code).not.toBe(0);
    expect(stdout.endsWith('\u001b[?25h')).toBe(true);
  });

  it('prints nothing for a change of speed alone', async () => {
    const slower = { ...runningStatus, itemsPerSec: 3, etaMs: 100_000 };
    const { stdout } = await runInProcess(['status', '--watch'], {
      app: { watch: () => stream(runningStatus, slower, slower, finalStatus('COMPLETED')) },
    });
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('names advance as the next command for a job that waits for something', async () => {
    const stuck = { ...runningStatus, job: { ...runningStatus.job, reason: 'cannot go on: a manifest was edited' } };
    const { stderr } = await runInProcess(['status'], { app: { status: async () => stuck } });
    expect(stderr).toBe(`next: slurmctl advance ${JOB}\n`);
  });

  it('--json prints one document a line', async () => {
    const { stdout } = await runInProcess(['status', '--watch', '--json'], { app: { watch } });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { schema: string }).schema),
    ).toEqual(Array.from({ length: 3 }, () => 'slurmctl.status/1'));
  });

  it('Ctrl-C ends it quietly with 130', async () => {
    const interrupt = new AbortController();
    async function* endless(): ReturnType<App['watch']> {
      yield runningStatus;
      interrupt.abort();
      throw new DOMException('aborted', 'AbortError');
    }
    const { code, stderr } = await runInProcess(['status', '--watch'], { app: { watch: endless }, interrupt });
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  });

  it('Ctrl-C leaves the prompt a line of its own', async () => {
    const interrupt = new AbortController();
    async function* endless(): ReturnType<App['watch']> {
      yield runningStatus;
      interrupt.abort();
    }
    const tty = { columns: 70, rows: 40 };
    const { stdout } = await runInProcess(['status', '--watch'], { app: { watch: endless }, interrupt, tty });
    expect(stripVTControlCharacters(stdout).endsWith('\n\n')).toBe(true);
    expect(stdout.endsWith('\u001b[?25h\n')).toBe(true);
  });
});
