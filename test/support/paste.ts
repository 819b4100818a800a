import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { writeFiles } from './cli.ts';

export interface Pasted {
  readonly code: unknown;
  readonly output: string;
}

/**
 * Runs the lines of a console block in one shell, as somebody who pastes them does, with `slurmctl` on the PATH. `compiled` is what
 * `compiledProject` gives.
 */
export function paste(
  lines: readonly string[],
  where: { readonly directory: string; readonly compiled: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Pasted> {
  const { directory, compiled } = where;
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${join(compiled, 'bin/slurmctl.js')}' "$@"\n`;
  chmodSync(join(writeFiles(directory, { 'on-path/slurmctl': shim }), 'on-path/slurmctl'), 0o755);
  const env = {
    ...process.env,
    SLURMCTL_SCHEDULER: 'local',
    PATH: `${join(directory, 'on-path')}${delimiter}${process.env['PATH'] ?? ''}`,
    ...where.env,
  };
  return new Promise((resolve) => {
    execFile('bash', ['-ec', lines.join('\n')], { cwd: directory, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
    );
  });
}
