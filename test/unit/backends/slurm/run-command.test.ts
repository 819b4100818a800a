import { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { runCommand, type CommandRequest } from '../../../../src/backends/shared/run-command.ts';

const dir = mkdtempSync(join(tmpdir(), 'slurmctl-run-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (argv: string[], extra: Partial<CommandRequest> = {}) =>
  runCommand({ argv, env: { PATH: process.env['PATH'] }, deadlineMs: 10_000, ...extra });

describe('runCommand', () => {
  it('gives output, input, exit code and exactly the environment it was told', async () => {
    const result = await run(['sh', '-c', 'cat; env | grep -c SLURMCTL_TEST_; echo bad >&2; exit 3'], {
      input: 'in\n',
      env: { PATH: process.env['PATH'], SLURMCTL_TEST_A: '1', SLURMCTL_TEST_B: undefined },
    });
    expect(result).toEqual({ ended: 'exited', exitCode: 3, signal: null, stdout: 'in\n1\n', stderr: 'bad\n' });
  });

  it('passes arguments unchanged and without a shell', async () => {
    const result = await run(['printf', '%s|', '$(id)', 'a b', "'", '*']);
    expect(result.stdout).toBe("$(id)|a b|'|*|");
  });

  it('of one whose last words are wanted, lets it go on however much it prints', async () => {
    const script = 'i=0; while [ $i -lt 3000 ]; do echo "ä row $i"; echo "note $i" >&2; i=$((i+1)); done; exit 3';
    const result = await run(['sh', '-c', script], { maxOutput: 20, whenMore: 'keep-end' });
    expect(result).toMatchObject({ ended: 'exited', exitCode: 3, stderr: 'note 2998\nnote 2999\n' });
    expect(result.stdout).toBe('row 2998\nä row 2999\n');
  });

  it('names a signal that ended the command', async () => {
    expect(await run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ ended: 'exited', exitCode: null, signal: 'SIGKILL' });
  });

  it('kills at the deadline, also when a grandchild holds the pipes and everybody ignores SIGTERM', async () => {
    const started = performance.now();
    const result = await run(['sh', '-c', "trap '' TERM; echo $$; (trap '' TERM; sleep 60) & sleep 60; wait"], {
      deadlineMs: 200,
    });
    expect(result.ended).toBe('deadline');
    expect(result.exitCode).toBeNull();
    expect(performance.now() - started).toBeLessThan(5_000);
    const group = -Number(result.stdout.trim());
    await expect.poll(() => alive(group), { timeout: 5_000 }).toBe(false);
  });

  it('says deadline, not exit, when the command answers our signal with an exit code', async () => {
    const result = await run(['sh', '-c', "trap 'exit 0' TERM; sleep 60 & wait"], { deadlineMs: 200 });
    expect(result).toMatchObject({ ended: 'deadline', exitCode: null });
  });

  it('keeps the exit code of a command that ended in time although a child of it holds the pipes', async () => {
    const result = await run(['sh', '-c', 'echo 7; sleep 60 & exit 0'], { deadlineMs: 300 });
    expect(result).toMatchObject({ ended: 'exited', exitCode: 0, stdout: '7\n' });
  });

  it('stops a command that says what it was told to listen for, or on a signal', async () => {
    const said = await run(['sh', '-c', 'echo slee >&2; printf "ping and retrying" >&2; sleep 60'], {
      stopOn: /sleeping|ping and/,
    });
    expect(said).toMatchObject({ ended: 'stopped', exitCode: null, stderr: 'slee\nping and retrying' });
    const abort = new AbortController();
    const running = run(['sleep', '60'], { signal: abort.signal });
    abort.abort();
    expect(await running).toMatchObject({ ended: 'stopped' });
    expect(await run(['sleep', '60'], { signal: AbortSignal.abort() })).toMatchObject({ ended: 'stopped' });
  });

  it('stops a flood', async () => {
    const result = await run(['yes'], { maxOutput: 10_000 });
    expect(result.ended).toBe('too-much-output');
    expect(result.stdout.length).toBeLessThanOrEqual(10_000);
  });

  it('tells a missing program from one that may not be run', async () => {
    expect(await run(['slurmctl-no-such-program'])).toMatchObject({ ended: 'not-found' });
    const file = join(dir, 'plain');
    writeFileSync(file, 'x');
    chmodSync(file, 0o600);
    expect(await run([file])).toMatchObject({ ended: 'not-started', detail: 'EACCES' });
    expect(await run(['true', 'x'.repeat(3_000_000)])).toMatchObject({ ended: 'not-started', detail: 'E2BIG' });
  });
});

describe('runCommand where the system does not do as it is told', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['its deadline', 'deadline', () => ({ deadlineMs: 200 })],
    ['a signal', 'stopped', () => ({ signal: AbortSignal.timeout(200) })],
    ['what it says', 'stopped', () => ({ stopOn: /^go$/m })],
    ['too much output', 'too-much-output', () => ({ maxOutput: 2 })],
  ] as const)('lets go of a program of another user that %s should end', async (_, ended, extra) => {
    const real = process.kill.bind(process);
    vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
      if (pid < 0) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM', errno: -1, syscall: 'kill' });
      return real(pid, signal);
    });
    const before = process.getActiveResourcesInfo().length;
    const started = performance.now();
    const result = await run(['sh', '-c', 'echo $$ > "$0"; echo out; echo go >&2; exec sleep 60', join(dir, 'pid')], {
      ...extra(),
    });
    try {
      expect(result).toMatchObject({ ended, exitCode: null });
      expect(performance.now() - started).toBeLessThan(5_000);
      // Nothing of it keeps this process from ending.
      await expect.poll(() => process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
    } finally {
      real(Number(readFileSync(join(dir, 'pid'), 'utf8')), 'SIGKILL');
    }
  });

  it('says what the system says when it has no file descriptors or processes left', async () => {
    const spawned = vi.spyOn(ChildProcess.prototype as unknown as Spawns, 'spawn');
    for (const [errno, code] of [
      [-24, 'EMFILE'],
      [-11, 'EAGAIN'],
    ] as const) {
      // Node tells of these by an event, and has made no pipes by then.
      spawned.mockImplementation(function refuse(this: ChildProcess) {
        process.nextTick(() => this.emit('error', Object.assign(new Error(`spawn ${code}`), { code })));
        return errno;
      });
      expect(await run(['true'])).toMatchObject({ ended: 'not-started', detail: code });
    }
  });

  it('takes a pipe that fails for one that has ended', async () => {
    const real = (ChildProcess.prototype as unknown as Spawns).spawn;
    vi.spyOn(ChildProcess.prototype as unknown as Spawns, 'spawn').mockImplementation(function fail(
      this: ChildProcess,
      options,
    ) {
      const errno = real.call(this, options);
      this.once('spawn', () => {
        for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy(new Error('read EIO'));
      });
      return errno;
    });
    expect(await run(['sh', '-c', 'exit 3'])).toMatchObject({ ended: 'exited', exitCode: 3 });
  });
});

interface Spawns {
  spawn: (this: ChildProcess, options: unknown) => number;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
