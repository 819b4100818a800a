import { describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { withQuietDir } from '../support/live-processes.ts';

const JOB = `
name: stuck
input: {file: numbers.jsonl, id: n}
batch: {items: 4}
handler: {module: ./handler.mjs, timeout: 300ms}
resources: {cpus: 1, memory: 256M, time: 5m}
retry: {items: 1, tolerate: {items: 100%}}
output: {columns: {doubled: int}}
`;
/** Waits for something that never comes, with nothing that would keep a process alive. */
const HANDLER = `export default ({ n }) => (n === 2 ? new Promise(() => {}) : { doubled: n * 2 });\n`;

describe('a handler that never answers', () => {
  it('costs its item the time-out, and not the worker its life', () =>
    withQuietDir(async (directory) => {
      writeFiles(directory, { 'job.yaml': JOB, 'handler.mjs': HANDLER, 'numbers.jsonl': numberLines(4) });
      const cli = createCli(directory, {}, await compiledProject());
      const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
      expect(submitted.code, submitted.stderr).toBe(0);
      const { rows } = await cli.json<{ rows: unknown[][] }>([
        'results',
        '@last',
        '--query',
        'select item_id, status, error_class, attempts from results order by item_index',
      ]);
      expect(rows.map(([id, status]) => `${String(id)} ${String(status)}`)).toEqual([
        '0 succeeded',
        '1 succeeded',
        '2 failed',
        '3 succeeded',
      ]);
      expect(rows[2]?.[2]).toMatch(/timeout/i);
    }));
});
