import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PlanDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { eventually, withQuietDir } from '../support/live-processes.ts';

const HANDLER = `
import { appendFileSync, existsSync } from 'node:fs';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export default async ({ n }, { job }) => {
  appendFileSync('ledger', job.name + '\\n');
  // The first job outlasts whatever the test does meanwhile.
  while (job.name === 'a' && !existsSync('go')) await sleep(50);
  await sleep(150);
  appendFileSync('ledger', job.name + '\\n');
  return n;
};
`;

const jobFile = (name: string, max = ''): string => `
name: ${name}
input: { file: in.jsonl }
batch: { items: 4 }
handler: { module: handler.mjs }
resources: { cpus: 1, memory: 256M, time: 10m }
concurrency: { group: nightly${max} }
`;

it('three jobs of one group run one after the other, though whoever followed the first is killed', () =>
  withQuietDir(async (directory) => {
    const jobs = {
      'a.yaml': jobFile('a'),
      'b.yaml': jobFile('b'),
      'c.yaml': jobFile('c'),
      'd.yaml': jobFile('d', ', max: 2'),
    };
    writeFiles(directory, { ...jobs, 'handler.mjs': HANDLER, 'in.jsonl': numberLines(12) });
    const cli = createCli(
      directory,
      { SLURMCTL_SCHEDULER: 'local', SLURMCTL_LOCAL_SLOTS: '4' },
      await compiledProject(),
    );
    const status = (job: string) => cli.json<StatusDocument>(['status', job]);
    const follower = cli.start(['submit', 'a.yaml', '--wait']);
    const first = await eventually('the first job runs', async () => {
      const { code, stdout } = await cli('status', '@last', '--json');
      const found = code === 0 ? (JSON.parse(stdout) as StatusDocument) : null;
      return found?.tasks.running ? found.job.id : null;
    });
    const [second, third] = await Promise.all(
      ['b.yaml', 'c.yaml'].map((file) => cli.json<SubmitDocument>(['submit', file])),
    );
    follower.kill('SIGKILL');
    await once(follower, 'exit');
    for (const waiting of [second, third])
      expect(waiting).toMatchObject({
        state: 'SUBMITTING',
        elements: 0,
        waitingFor: expect.stringContaining(`waits for job ${first} (group nightly, max 1)`) as string,
        concurrency: { group: 'nightly', max: 1, isNew: false },
      });
    expect((await status(second?.jobId ?? '')).turn).toMatchObject({ place: expect.any(Number) as number, waiting: 2 });
    const { limits } = await cli.json<PlanDocument>(['plan', 'b.yaml']);
    expect(limits).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'group nightly', value: '1 job at a time' })]),
    );
    const refused = await cli('submit', 'd.yaml');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('POOL_CONFLICT')]);

    writeFiles(directory, { go: '' });
    await eventually('the others run by themselves', async () => {
      const ends = await Promise.all([second, third].map(async (one) => (await status(one?.jobId ?? '')).job.state));
      return ends.every((state) => state === 'COMPLETED');
    });
    const ledger = readFileSync(join(directory, 'ledger'), 'utf8').trim().split('\n');
    const runs = ledger.filter((name, at) => name !== ledger[at - 1]);
    expect([runs[0], runs.toSorted()]).toEqual(['a', ['a', 'b', 'c']]);
    expect(ledger).toHaveLength(2 * 12 * 3);
  }));
