import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCli, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { fencesOf, filesOf, typedIn } from '../support/markdown.ts';
import { withQuietDir } from '../support/live-processes.ts';
import { paste } from '../support/paste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = fencesOf(readFileSync(join(ROOT, 'README.md'), 'utf8'));
const HANDLERS = fencesOf(readFileSync(join(ROOT, 'docs/handlers.md'), 'utf8'));

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

/** Submits the job of a page with the given input, and returns its columns and rows in the order of the input. */
async function runFiles(files: Record<string, string>, select: string): Promise<readonly unknown[][]> {
  return withQuietDir(async (directory) => {
    const cli = createCli(writeFiles(directory, files), { SLURMCTL_SCHEDULER: 'local' }, compiled);
    const ended = await cli('submit', 'job.yaml', '--wait');
    expect([0, 3], ended.stderr).toContain(ended.code);
    const query = `select ${select} from results order by item_index`;
    return (await cli.json<{ rows: unknown[][] }>(['results', '@last', '--query', query])).rows;
  });
}

describe('README.md', () => {
  const [scripts, minutes] = [
    typedIn(README).filter((line) => line.startsWith('scripts/')),
    typedIn(README).filter((line) => line.startsWith('slurmctl ')),
  ];

  it('names two scripts that can be run', () => {
    expect(scripts).toHaveLength(2);
    for (const line of scripts) accessSync(join(ROOT, line.split(' ')[0] ?? ''), constants.X_OK);
  });

  it('shows commands that work when pasted one after the other', () =>
    withQuietDir(async (directory) => {
      expect(minutes.length).toBeGreaterThanOrEqual(5);
      const { code, output } = await paste(minutes, { directory, compiled });
      expect(code, output).toBe(0);
      expect(output).toMatch(/succeeded +4/);
      expect(output).toMatch(/\/results\.parquet/);
    }));

  it('shows a job file and a handler that work together', async () => {
    const input = '{"doc_id":"d1","text":"12345","kind":"note"}\n{"doc_id":"d2","text":"123"}\n';
    const rows = await runFiles(
      { ...filesOf(README), 'data/abstracts.jsonl': input },
      'item_id, status, score, label, error_message',
    );
    expect(rows).toEqual([
      ['d1', 'succeeded', 0.005, 'note', null],
      ['d2', 'succeeded', 0.003, 'none', null],
    ]);
  });
});

describe('docs/handlers.md', () => {
  const section = (name: string): Record<string, string> => filesOf(HANDLERS.filter((fence) => fence.section === name));

  it('shows a module that works', async () => {
    const people = 'name,email\n" Ada Lovelace",ada@example.org\n,nobody@example.org\n';
    const rows = await runFiles(
      { ...section('A JavaScript module'), 'people.csv': people },
      'item_id, status, name, "domain", error_class, error_message',
    );
    expect(rows).toEqual([
      ['ada@example.org', 'succeeded', 'ada lovelace', 'example.org', null, null],
      ['nobody@example.org', 'failed', null, null, 'RangeError', 'nobody@example.org has no name'],
    ]);
  });

  it('shows slots of a pool that work', async () => {
    const people = 'name,email\n" Ada Lovelace",ada@example.org\nGrace,grace@example.org\n';
    const rows = await runFiles(
      { ...section('Slots of a pool'), 'people.csv': people },
      "status, name, database in ('db-0', 'db-1')",
    );
    expect(rows).toEqual([
      ['succeeded', 'Ada Lovelace', true],
      ['succeeded', 'Grace', true],
    ]);
  });

  it('shows a command that works', async () => {
    const rows = await runFiles(
      { ...section('A command'), 'texts/a.txt': 'The end of the road', 'texts/b.txt': '' },
      "status, words, common, error_class, error_message like 'exit 1: %/texts/b.txt is empty'",
    );
    expect(rows).toEqual([
      ['succeeded', 5, 'the', null, null],
      ['failed', null, null, 'ExitError', true],
    ]);
  });
});
