import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
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

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
