import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { GcDocument, SubmitDocument } from '../../src/app/documents.ts';
import { createCli, DOUBLING_HANDLER, numberLines, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

const project = (directory: string, env: NodeJS.ProcessEnv = {}) =>
  createCli(
    writeFiles(directory, {
      'job.yaml':
        'name: tidy\ninput: {file: n.jsonl}\nbatch: {items: 5}\nhandler: {module: ./handler.mjs}\nresources: {memory: 256M}\n',
      'handler.mjs': DOUBLING_HANDLER,
      'n.jsonl': numberLines(20),
    }),
    { SLURMCTL_SCHEDULER: 'local', ...env },
    compiled,
  );

describe('gc', () => {
  it('keeps what a finished job may be asked for, and removes what nobody can ask for again', () =>
    withQuietDir(async (directory) => {
      const cli = project(directory);
      const job = (await cli('submit', 'job.yaml', '--wait')).stdout.trim();
      const objects = join(directory, '.slurmctl/objects/jobs');
      const lost = join(objects, job, 'attempts/000001/lost_0.0');
      mkdirSync(lost);
      writeFileSync(join(lost, 'part.parquet'), 'half');
      const halfWritten = join(objects, job, '.put-0123456789abcdef');
      writeFileSync(halfWritten, 'half');
      utimesSync(halfWritten, 1, 1);
      const orphan = join(objects, 'gone-00000000/batches');
      mkdirSync(orphan, { recursive: true });
      writeFileSync(join(orphan, '000000.jsonl'), '{}');

      const dry = await cli.json<GcDocument>(['gc', '--dry-run']);
      expect(dry.dryRun).toBe(true);
      expect(existsSync(join(lost, 'part.parquet')) && existsSync(orphan)).toBe(true);

      const done = await cli.json<GcDocument>(['gc', '--older-than', '0s']);
      expect(done.removed.map((entry) => entry.what).join('\n')).toMatch(
        /lost attempts.*\n.*gone-00000000.*\n.*half-written/,
      );
      expect(existsSync(lost) || existsSync(orphan) || existsSync(halfWritten)).toBe(false);
      expect((await cli('results', job, '--path')).code).toBe(0);
      expect((await cli('aggregate', job)).code).toBe(0);
    }));

  it('purges a job to the last file, but never one that is alive', () =>
    withQuietDir(async (directory) => {
      const cli = project(directory, { ITEM_MS: '5000' });
      const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml', '--set', 'batch.items=1']);
      const refused = await cli('gc', jobId, '--purge');
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('cancel');
      expect((await cli('cancel', jobId)).code).toBe(0);
      expect((await cli('gc', jobId, '--purge')).code).toBe(0);
      expect((await cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
      expect(existsSync(join(directory, '.slurmctl/objects/jobs', jobId))).toBe(false);
      expect(readdirSync(join(directory, '.slurmctl/elements'))).toEqual([]);
      expect((await cli('status', jobId)).code).toBe(4);
    }));
});
