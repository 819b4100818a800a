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
/** Never lets anything else in its process happen again. */
const BUSY = `export default ({ n }) => { if (n === 2) for (;;); return { doubled: n * 2 }; };\n`;
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

  it('is ended after its time-out when it lets nothing else happen, and named', () =>
    withQuietDir(async (directory) => {
      const job = JOB.replace('{items: 1,', '{items: 1, attempts: 1, backoff: 100ms..100ms,');
      writeFiles(directory, { 'job.yaml': job, 'handler.mjs': BUSY, 'numbers.jsonl': numberLines(4) });
      const cli = createCli(directory, {}, await compiledProject());
      const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
      expect(submitted.code, submitted.stderr).toBe(0);
      const { rows } = await cli.json<{ rows: unknown[][] }>([
        'results',
        '@last',
        '--query',
        'select item_id, error_class, cause, error_message from errors',
      ]);
      expect(rows.map((row) => row.slice(0, 3))).toEqual([['2', 'quarantined', 'hung']]);
      expect(rows[0]?.[3]).toContain('while item 2 was running');
    }));
});
