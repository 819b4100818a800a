import { expect, it } from 'vitest';
import type { PlanDocument, StatusDocument } from '../../src/app/documents.ts';
import { compiledProject } from '../support/compiled.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { withQuietDir } from '../support/live-processes.ts';

const JOB = `
name: hungry
input: {file: numbers.jsonl, id: n}
batch: {items: 2}
handler: {module: ./handler.mjs, concurrency: 1}
resources: {cpus: 1, memory: 100M, time: 5m}
retry:
  backoff: 100ms..200ms
  rules:
    - {when: {exit: 75}, do: escalate, memory: x2, times: 3}
output: {columns: {mb: int}}
`;
/** Item 5 needs more than twice what the job asks for, item 2 a little more; each says what it got. */
const HANDLER = `
const NEEDED = { 2: 150, 5: 250 };
export default ({ n }) => {
  const mb = Number(process.env.SLURM_MEM_PER_NODE);
  if (mb < (NEEDED[n] ?? 0)) process.exit(75);
  return { mb };
};
`;

it('what needs more than the others gets it, from elements of its own, and the others do not', () =>
  withQuietDir(async (directory) => {
    writeFiles(directory, { 'job.yaml': JOB, 'handler.mjs': HANDLER, 'numbers.jsonl': numberLines(8) });
    const cli = createCli(directory, {}, await compiledProject());
    const { limits } = await cli.json<PlanDocument>(['plan', 'job.yaml', '--scheduler', 'local']);
    expect(limits.map(({ name }) => name)).toContain('largest memory');
    const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
    expect(submitted.code, submitted.stderr).toBe(0);
    const { rows } = await cli.json<{ rows: unknown[][] }>([
      'results',
      '@last',
      '--query',
      'select mb from results order by item_index',
    ]);
    const mb = rows.map(([value]) => Number(value));
    expect([mb[2], mb[5]]).toEqual([200, 400]);
    // Of the others only those may have had more that came along, in the same task or because an element had time left.
    expect([mb[0], mb[1]]).toEqual([100, 100]);
    const { job, tasks } = await cli.json<StatusDocument>(['status', '@last']);
    expect([job.state, tasks.done]).toEqual(['COMPLETED', 4]);
  }));
