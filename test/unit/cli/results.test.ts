import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { QueryDocument } from '../../../src/cli/documents.ts';
import { JOB, published } from './documents.fixture.ts';
import { runInProcess, stream } from './run-cli.harness.ts';

type Answer = Awaited<ReturnType<App['query']>>;

const answering = (columns: Answer['columns'], ...chunks: readonly (readonly (readonly unknown[])[])[]) => {
  const close = vi.fn<() => Promise<void>>(async () => {});
  const query = vi.fn<App['query']>(async () => ({ columns, rows: stream(...chunks), close }));
  return { app: { results: async () => published, query } satisfies Partial<App>, query, close };
};
const COLUMNS = [
  { name: 'item_id', type: 'VARCHAR' },
  { name: 'bytes', type: 'BIGINT' },
];

describe('results', () => {
  it('prints a summary and the first rows', async () => {
    const { app, query, close } = answering(COLUMNS, [
      ['a\u001b[2J', 12n],
      ['b', null],
    ]);
    const { code, stdout, stderr } = await runInProcess(['results', '@last'], { app });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "output      /data/out/results.parquet
      errors      /data/out/errors.parquet
      rows        2: 1 succeeded, 1 failed
      columns     item_id VARCHAR, bytes BIGINT

      item_id   bytes
      a\\x1b[2J     12
      b
      "
    `);
    expect(query.mock.calls[0]?.[0]).toEqual({ job: JOB, sql: 'select * from results order by item_index limit 10' });
    expect(close).toHaveBeenCalledOnce();
    expect(stderr).toBe(`next: slurmctl results ${JOB} --query "select * from errors limit 20"\n`);
  });

  it('--json prints the document alone', async () => {
    const { app, query } = answering(COLUMNS);
    const { stdout } = await runInProcess(['results', '@last', '--json'], { app });
    expect(JSON.parse(stdout)).toEqual(published);
    expect(query).not.toHaveBeenCalled();
  });

  it('--path prints the path alone', async () => {
    const { stdout, stderr } = await runInProcess(['results', '@last', '--path'], {
      app: { results: async () => published },
    });
    expect({ stdout, stderr }).toEqual({ stdout: '/data/out/results.parquet\n', stderr: '' });
  });

  it('--head asks for that many rows in the order of the input', async () => {
    const { app, query } = answering(COLUMNS);
    await runInProcess(['results', '@last', '--head', '3'], { app });
    expect(query.mock.calls[0]?.[0]).toEqual({
      job: '@last',
      sql: 'select * from results order by item_index limit 3',
    });
  });

  it('--head alone asks for the first ten', async () => {
    const { app, query } = answering(COLUMNS);
    const { code } = await runInProcess(['results', '@last', '--head'], { app });
    expect({ code, sql: query.mock.calls[0]?.[0].sql }).toEqual({
      code: 0,
      sql: 'select * from results order by item_index limit 10',
    });
  });

  it('--export streams the pieces as they come', async () => {
    const app = { export: () => stream('a,b\n', '1,2\n') };
    const { stdout } = await runInProcess(['results', '@last', '--export', 'csv'], { app });
    expect(stdout).toBe('a,b\n1,2\n');
  });
});

describe('results --query', () => {
  it('prints a long answer in pieces that line up', async () => {
    const rows = Array.from({ length: 1200 }, (_, index) => [`item-${index}`, BigInt(index)]);
    const { app } = answering(COLUMNS, rows.slice(0, 600), rows.slice(600));
    const { stdout } = await runInProcess(['results', '@last', '--query', 'select 1'], { app });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1201);
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set(['item-599'.length + 2 + 'bytes'.length]));
  });

  it('--json is one document with all digits of 64-bit integers', async () => {
    const { app } = answering(
      COLUMNS,
      [['a', 9007199254740993n]],
      [],
      [
        [null, Number.NaN],
        [{ n: -1n }, [1.5]],
      ],
    );
    const { stdout } = await runInProcess(['results', '@last', '--query', 'select 1', '--json'], { app });
    expect(stdout).toContain('["a",9007199254740993],\n[null,"NaN"],\n[{"n":-1},[1.5]]\n]}');
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'slurmctl.query/1', columns: COLUMNS });
  });

  it('--json of no rows is still a document', async () => {
    const { app } = answering(COLUMNS);
    const { stdout } = await runInProcess(['results', '@last', '--query', 'select 1', '--json'], { app });
    expect(JSON.parse(stdout)).toEqual({
      schema: 'slurmctl.query/1',
      columns: COLUMNS,
      rows: [],
    } satisfies QueryDocument);
  });

  it('leaves out columns that do not fit a narrow terminal, and names them', async () => {
    const names = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot'];
    const { app } = answering(
      names.map((name) => ({ name, type: 'VARCHAR' })),
      [names.map((name) => name.repeat(10))],
    );
    const { stdout } = await runInProcess(['results', '@last', '--query', 'select 1', '--no-color'], {
      app,
      tty: { columns: 40, rows: 24 },
    });
    const [head, row, note] = stdout.split('\n');
    expect(head).toMatch(/^alpha +bravo +charl… +delta +echo$/);
    expect(row?.length).toBeLessThanOrEqual(40);
    expect(note).toBe('(1 more column: foxtrot)');
  });

  it('closes the query when the reader goes away', async () => {
    const { app, close } = answering(COLUMNS, [['a', 1n]]);
    const { code } = await runInProcess(['results', '@last', '--query', 'select 1'], { app, closeStdoutAfter: 0 });
    expect(code).toBe(0);
    expect(close).toHaveBeenCalledOnce();
  });
});

describe('results --download', () => {
  it('copies the file and says what it is', async () => {
    const download = vi.fn<App['download']>(async ({ path }) => ({ ...published, path: `/home/ada/${path}` }));
    const { code, stdout } = await runInProcess(['results', '@last', '--download', 'out.parquet'], {
      app: { download },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '/home/ada/out.parquet: 2 rows, 1.2 KiB\n' });
    expect(download.mock.calls[0]?.[0]).toMatchObject({ job: '@last', path: 'out.parquet' });
  });

  it.each([
    [['--download', ''], 'found "", expected the name of a file'],
    [['--download', '-'], 'found "-", expected the name of a file'],
    [['--download', 'x', '--path'], '--path and --download cannot be given together'],
  ])('%j is wrong usage', async (words, message) => {
    const { code, stderr } = await runInProcess(['results', '@last', ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('results of a store that is no directory', () => {
  const far = { ...published, path: 's3://bucket/jobs/x/results.parquet' };

  it('shows the first rows of a small output', async () => {
    const { app, query } = answering(COLUMNS, [['a', 1n]]);
    const { stderr } = await runInProcess(['results', '@last'], { app: { ...app, results: async () => far } });
    expect(query).toHaveBeenCalledOnce();
    expect(stderr).toContain(`next: slurmctl results ${JOB} --download results.parquet\n`);
  });

  it('fetches no large one that nobody asked for, and says how to', async () => {
    const results = async () => ({ ...far, bytes: 5e9 });
    const { stdout, stderr } = await runInProcess(['results', '@last'], { app: { results } });
    expect(stdout).toContain('output      s3://bucket/jobs/x/results.parquet');
    expect(stderr).toContain(`next: slurmctl results ${JOB} --download results.parquet\n`);
  });
});
