import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { everyFile, ROOT, sourceFiles } from './files.ts';
import { bucketNames, longFiles, machineTraces, MOST_LINES, unexplained } from './rules/shape.ts';

/** What may lie at the top; a new entry needs a reason. */
const TOP =
  'README.md CONTRIBUTING.md CHANGELOG.md LICENSE package.json package-lock.json tsconfig.json .gitignore .ci bin docs scripts src templates test'.split(
    ' ',
  );
/** Made by git, npm, the build and a run of slurmctl; ignored by git. */
const MADE = ['.git', 'node_modules', 'dist', 'coverage', '.slurmctl'];
/** A build that is not done, or one that has just been replaced. */
const BESIDE_DIST = /^dist\.(?:new|old)-\d+$/;

const planted = (path: string, text = ''): ReadonlyMap<string, string> => new Map([[path, text]]);

describe('the shape of the repository', () => {
  it('has only known entries at the top', () => {
    const names = readdirSync(ROOT).filter((name) => !BESIDE_DIST.test(name));
    expect(names.filter((name) => !TOP.includes(name) && !MADE.includes(name))).toEqual([]);
  });

  it('has no long files in src', () => {
    expect(longFiles(sourceFiles())).toEqual([]);
    expect(longFiles(planted('src/a.ts', 'x\n'.repeat(MOST_LINES + 1)))).toHaveLength(1);
  });

  it('has kebab-case names in src that say what is inside', () => {
    expect(bucketNames(sourceFiles())).toEqual([]);
    for (const path of [
      'src/app/utils.ts',
      'src/helpers/a.ts',
      'src/app/createApp.ts',
      'src/app/a_b.ts',
      'src/common/x.ts',
    ])
      expect(bucketNames(planted(path))).toEqual([path]);
  });

  it('has a doc comment in every file of src that promises something', () => {
    expect(unexplained(sourceFiles())).toEqual([]);
    expect(unexplained(planted('src/a.ts', '// Note.\nexport function a() {}'))).toEqual(['src/a.ts']);
    expect(unexplained(planted('src/a.ts', '/** Does. */\nexport function a() {}'))).toEqual([]);
    expect(unexplained(planted('src/a.ts', "export * from './b.ts';"))).toEqual([]);
    expect(unexplained(planted('src/cli/commands/a.ts', 'export const a = 1;'))).toEqual([]);
  });

  it('names no directory of one machine and no package registry', () => {
    const files = everyFile();
    expect(files.size).toBeGreaterThan(200);
    expect(machineTraces(files)).toEqual([]);
    const traces = [
      'see /wo' + 'rk/main/x',
      '"/ro' + 'ot/.cache"',
      'https://registry' + '.example.org',
      '"resolved"' + ': "x"',
    ];
    for (const text of traces) expect(machineTraces(planted('docs/a.md', text))).toHaveLength(1);
    expect(machineTraces(planted('docs/a.md', 'jobs/work/x, ./work/, $HOME/work/, the network/root/'))).toEqual([]);
  });
});
