import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withTempDir } from '../../support/temp-dir.ts';

const BIN = fileURLToPath(new URL('../../../bin/slurmctl.js', import.meta.url));

/** Runs the shim from a copy of the package that has nothing else in it, on a Node that says it is `version`. */
const runShim = ({ version, main }: { readonly version?: string; readonly main?: string }) =>
  withTempDir((dir) => {
    mkdirSync(join(dir, 'bin'));
    cpSync(BIN, join(dir, 'bin/slurmctl.js'));
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    if (main !== undefined) {
      mkdirSync(join(dir, 'dist/cli'), { recursive: true });
      writeFileSync(join(dir, 'dist/cli/main.js'), main);
    }
    const disguise = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'${version}'}})`;
    const flags = version === undefined ? [] : ['--import', disguise];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, 'bin/slurmctl.js', 'a', 'b'], {
      cwd: dir,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  });

describe('bin/slurmctl.js', () => {
  it('says what to do when the build is missing', async () => {
    const { status, stderr } = await runShim({});
    expect(status).toBe(2);
    expect(stderr).toBe('error: slurmctl is not built: dist/cli/main.js is missing\nhint: run: npm run build\n');
  });

  it('says that a build is not whole when a file of it is missing', async () => {
    for (const main of ["import './other.js';", "await import('./other.js')"]) {
      const { status, stderr } = await runShim({ main });
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /^error: slurmctl is not complete: Cannot find module '\S+\/dist\/cli\/other\.js'.*\nhint: .*\n$/,
      );
    }
  });

  it.each(["import 'no-such-package';", "throw new TypeError('a bug');"])(
    'leaves other failures as they are: %s',
    async (main) => {
      const { status, stderr } = await runShim({ main });
      expect(status).toBe(1);
      expect(stderr).toContain('at ');
      expect(stderr).not.toContain('hint:');
    },
  );

  it.each(['18.20.0', '20.18.3'])('refuses Node %s with a sentence, not with a stack', async (version) => {
    const { status, stderr } = await runShim({ version, main: 'process.exit(7)' });
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^error: slurmctl needs Node 20\\.19 or newer; this is Node ${version} `));
  });

  it.each(['20.19.0', '22.0.0', '24.1.0'])('runs the build on Node %s', async (version) => {
    const { status, stdout } = await runShim({ version, main: 'console.log(process.argv.slice(2).join())' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'a,b\n' });
  });
});
