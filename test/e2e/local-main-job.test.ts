import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCli as openCli, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';
import { describeOtherEnds, describeWholeJob } from './local-main-job.suite.ts';

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);
const createCli = (cwd: string, env: NodeJS.ProcessEnv = {}): Cli => openCli(cwd, env, compiled);

interface Query {
  readonly rows: readonly (readonly unknown[])[];
}

describeWholeJob({ kind: 'a directory' });
describeOtherEnds({ kind: 'a directory' });

describe('examples on one directory with the local scheduler', () => {
  it.each(['javascript', 'command', 'sweep', 'licences'])('runs the %s example that init writes', (example) =>
    withQuietDir(async (directory) => {
      const cli = createCli(directory);
      const init = await cli('init', 'demo', '--example', example);
      expect(init.code, init.stderr).toBe(0);
      if (example === 'licences')
        writeFiles(join(directory, 'demo/node_modules/left'), {
          'package.json': '{"name":"left","version":"1.2.3","license":"MIT"}',
          LICENSE: 'Permission is hereby granted, free of charge, to any person obtaining a copy of this software',
        });
      const ended = await cli('submit', 'demo/job.yaml', '--scheduler', 'local', '--wait');
      expect(ended.code, ended.stderr).toBe(0);
      const home = ['--home', join(directory, 'demo/.slurmctl')];
      const { rows } = await cli.json<Query>([
        'results',
        '@last',
        ...home,
        '--query',
        "select count(*) filter (where status = 'succeeded'), count(*) from results",
      ]);
      expect(Number(rows[0]?.[0])).toBeGreaterThan(0);
      expect(rows[0]?.[0]).toEqual(rows[0]?.[1]);
    }),
  );
});
