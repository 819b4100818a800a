import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { renderScript } from '../../../../src/backends/batch-system/shared/render-script.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { submitRequest, workerTemplate } from './requests.ts';

const temp = makeTempDir('worker-script');
afterAll(() => temp.remove());
let sequence = 0;

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  /** What the report was called with; null: it was not. */
  readonly report: string | null;
}

/** Runs the script with a worker made of bash; `act` is called once the worker has said that it is up. */
async function run(
  worker: string,
  { report = 'printf "%s\\n" "$@" > "$OUT"', act }: { report?: string; act?: (pid: number) => void } = {},
): Promise<Ran> {
  const reported = join(temp.path, `report-${(sequence += 1)}`);
  const script = renderScript(workerTemplate, {
    ...submitRequest,
    environment: { OUT: reported },
    cwd: temp.path,
    command: ['/bin/bash', '-c', worker, 'worker', "it's"],
    afterCrash: ['/bin/bash', '-c', report, 'report', "it's; $(touch bad)"],
  });
  const path = join(temp.path, `script-${sequence}`);
  writeFileSync(path, script);
  chmodSync(path, 0o700);
  const child = spawn('/bin/bash', [path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  let acted = false;
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (acted || act === undefined || !out.includes('up')) return;
    acted = true;
    act(child.pid as number);
  });
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, out, err, report: existsSync(reported) ? readFileSync(reported, 'utf8').trim() : null };
}

/** Waits in small steps, so that its traps run at once. */
const LOOP = 'echo up; for i in $(seq 200); do sleep 0.02; done; exit 9';

describe('the script of an element', () => {
  it.each([0, 1])('ends with the status of a worker that ended by itself, %d, and reports nothing', async (code) => {
    expect(await run(`exit ${code}`)).toMatchObject({ code, signal: null, err: '', report: null });
  });

  it.each([
    ['kill -9 $$', 137, { code: null, signal: 'SIGKILL' }],
    ['kill -ABRT $$', 134, { code: null, signal: 'SIGABRT' }],
    ['exit 70', 70, { code: 70, signal: null }],
    ['exit 255', 255, { code: 255, signal: null }],
  ])('has the death of a worker reported with its status, and ends like it: %s', async (death, status, end) => {
    const ran = await run(death);
    expect(ran).toMatchObject({ ...end, report: `it's; $(touch bad)\n${status}` });
    // bash adds a line of its own when the worker was faster than its `wait`.
    expect(ran.err).toContain(`slurmctl: the worker ended with status ${status}\n`);
    expect(existsSync(join(temp.path, 'bad'))).toBe(false);
  });

  it('keeps the status and says so when the report fails, or cannot even start', async () => {
    const failing = await run('kill -9 $$', { report: 'exit 3' });
    expect(failing).toMatchObject({ signal: 'SIGKILL' });
    expect(failing.err).toContain('its end could not be reported; the next pass over the job learns of it');
    const script = renderScript(workerTemplate, {
      ...submitRequest,
      environment: {},
      cwd: temp.path,
      command: ['/bin/bash', '-c', 'kill -9 $$'],
      afterCrash: ['/nonexistent/node'],
    });
    const child = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
    expect(err).toContain('its end could not be reported');
  });

  it.each(['USR2', 'TERM'] as const)('hands SIG%s on to the worker, and waits until that has ended', async (name) => {
    const ran = await run(`trap 'echo got; exit 5' ${name}; ${LOOP}`, {
      act: (pid) => process.kill(pid, `SIG${name}`),
    });
    expect(ran).toMatchObject({ code: 5, out: 'up\ngot\n' });
  });

  it('hands every one of them on, and takes none of them for the end of the worker', async () => {
    const ran = await run(`n=0; trap 'n=$((n + 1)); echo got $n; [ $n = 3 ] && exit 0' USR2 TERM; ${LOOP}`, {
      act(pid) {
        const signals = ['SIGUSR2', 'SIGCONT', 'SIGTERM', 'SIGUSR2'] as const;
        const next = (at: number): void => {
          const signal = signals[at];
          if (signal === undefined) return;
          process.kill(pid, signal);
          setTimeout(() => next(at + 1), 100);
        };
        next(0);
      },
    });
    expect(ran).toMatchObject({ code: 0, err: '', report: null });
    expect(ran.out).toBe('up\ngot 1\ngot 2\ngot 3\n');
  });

  it('has no report for a command that came without one', async () => {
    const { afterCrash: _none, ...rest } = submitRequest;
    const script = renderScript(workerTemplate, { ...rest, cwd: temp.path, command: ['/bin/bash', '-c', 'exit 4'] });
    const child = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    expect(await once(child, 'close')).toEqual([4, null]);
    expect(err).toBe('');
  });
});
