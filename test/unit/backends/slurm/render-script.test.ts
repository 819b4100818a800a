import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { renderScript } from '../../../../src/backends/batch-system/shared/render-script.ts';
import type { SubmitRequest } from '../../../../src/ports/batch-system.ts';
import { submitRequest, workerTemplate as template } from './requests.ts';

const dir = mkdtempSync(join(tmpdir(), 'slurmctl-render-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('renderScript', () => {
  it('makes a script that bash accepts and that runs the command as its child, with environment and directory', () => {
    const code =
      'console.log(JSON.stringify([process.ppid, process.cwd(), process.env.SLURMCTL_JOB, process.env.SLURMCTL_SCRIPT_PID, process.argv.slice(1)]))';
    const script = renderScript(template, {
      ...submitRequest,
      command: [process.execPath, '-e', code, '--', "it's", 'a\nb', '-x'],
      environment: { SLURMCTL_JOB: '$(x) "y"\n`z`' },
      cwd: dir,
    });
    const out = execFileSync('bash', ['-c', 'echo $$; exec bash -s'], { input: script, encoding: 'utf8' });
    const [shellPid = '', line = ''] = out.split('\n');
    const [parent, cwd, variable, scriptPid, args] = JSON.parse(line) as unknown[];
    expect([String(parent), scriptPid]).toEqual([shellPid, shellPid]);
    expect([cwd, variable, args]).toEqual([dir, '$(x) "y"\n`z`', ["it's", 'a\nb', '-x']]);
  });

  it('fails with a sentence where the directory is missing', () => {
    const script = renderScript(template, { ...submitRequest, cwd: join(dir, 'gone'), command: ['true'] });
    let failure: { status?: number; stderr?: string } = {};
    try {
      execFileSync('bash', ['-s'], { input: script, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
      failure = error as typeof failure;
    }
    expect(failure.status).toBe(66);
    expect(failure.stderr).toContain('cannot enter the working directory');
  });

  it('never takes data for a slot, and never puts data on lines of its own', () => {
    const script = renderScript(template, {
      ...submitRequest,
      command: ['echo', '{{cwd}}', '\n#SBATCH --exclusive'],
      afterCrash: ['echo', '{{command}}', '\n#SBATCH --hold'],
      environment: { A: '{{command}}' },
    });
    expect(script).toContain("export A='{{command}}'");
    expect(script).toContain("'{{cwd}}'");
    expect(script.split('\n').filter((line) => line.startsWith('#SBATCH'))).toEqual([]);
  });

  it('leaves comments as they are', () => {
    const script = renderScript('#!/bin/bash\n# about {{command}} and {{nothing}}\nexec {{command}}', submitRequest);
    expect(script.split('\n')[1]).toBe('# about {{command}} and {{nothing}}');
  });

  it('says what is wrong with a template', () => {
    const render =
      (text: string, extra: Partial<SubmitRequest> = {}) =>
      () =>
        renderScript(text, { ...submitRequest, ...extra });
    expect(render('exec {{command}}')).toThrow(/#!\/bin\/bash/);
    expect(render('#!/bin/bash\ntrue\n')).toThrow(/\{\{command\}\} exactly once and has it 0/);
    expect(render('#!/bin/bash\n{{command}}\n{{command}}')).toThrow(/has it 2 times/);
    expect(render('#!/bin/bash\n{{constructor}} {{command}}')).toThrow(/unknown slot \{\{constructor\}\}/);
    expect(render(template, { environment: { 'A B': 'x' } })).toThrow(/"A B" is not a name/);
    expect(render(template, { environment: { A: 'x\0' } })).toThrow(/NUL/);
  });

  it('matches the golden script', () => {
    const golden = readFileSync(new URL('../../../fixtures/slurm/golden-worker.sh', import.meta.url), 'utf8');
    expect(renderScript(template, submitRequest)).toBe(golden);
  });
});
