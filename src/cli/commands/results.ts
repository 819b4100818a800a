import type { App } from '../../app/api.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, parsed, parsedOrAlone, required, text } from '../define-command.ts';
import { renderResults } from '../render/results.ts';
import { printable } from '../render/text.ts';
import { interrupted, type Session } from '../session.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

const PREVIEW_ROWS = 10;
const MOST_HEAD_ROWS = 1_000_000;

export const results = defineCommand({
  name: 'results',
  group: 'Look',
  summary: 'Show, query or export the output of a job',
  description:
    'Without an option: where the output lies, how many rows it has, and the first ten. Every input item has exactly one row. --query runs SQL ' +
    '(DuckDB) over two views: results (all rows) and errors (the failed items, with their cause). --export writes the whole output to stdout, ' +
    '--download its Parquet file to a file here, wherever the store is. Of --path, --head, --query, --export and --download only one can be given.',
  args: { job: required(JOB_ARGUMENT) },
  options: {
    path: flag('Print where the Parquet file lies, and nothing else'),
    head: parsedOrAlone('rows', `Print the first rows, ${PREVIEW_ROWS} when no number is given`, {
      alone: PREVIEW_ROWS,
      parse: (raw) => (/^\d{1,7}$/.test(raw) && Number(raw) >= 1 && Number(raw) <= MOST_HEAD_ROWS ? Number(raw) : null),
      expected: `a number of rows from 1 to ${MOST_HEAD_ROWS}`,
    }),
    query: text('sql', 'Run SQL over the views results and errors'),
    export: parsed('format', 'Write all rows to stdout as csv or jsonl', {
      parse: (raw) => (raw === 'csv' || raw === 'jsonl' ? raw : null),
      expected: 'csv or jsonl',
    }),
    download: text('file', 'Copy the Parquet file here, verified, replacing what is there'),
  },
  examples: [
    { command: 'slurmctl results @last', what: 'Summary and first rows' },
    {
      command: 'slurmctl results @last --query "select status, count(*) from results group by status"',
      what: 'SQL over the output',
    },
    { command: 'slurmctl results @last --export csv > output.csv', what: 'The whole output as CSV' },
    { command: 'slurmctl results @last --download output.parquet', what: 'The Parquet file, also out of a bucket' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { job }, options }) => {
    const { signal } = session.io;
    const wish = wishOf(options, session.flags.json);
    const app = await session.app();
    switch (wish.kind) {
      case 'path':
        await session.show(await app.results(job), ({ path }) => `${printable(path)}\n`);
        break;
      case 'query':
        await printQuery(session, app, { job, sql: wish.sql });
        break;
      case 'export':
        for await (const piece of app.export({ job, format: wish.format })) {
          if (signal.aborted) break;
          await session.print(piece);
        }
        break;
      case 'download':
        await download(session, app, { job, path: wish.path });
        break;
      case 'summary':
        await printSummary(session, app, job);
    }
    if (signal.aborted) throw interrupted();
    return 0;
  },
});

type Wish =
  | { readonly kind: 'path' }
  | { readonly kind: 'query'; readonly sql: string }
  | { readonly kind: 'export'; readonly format: 'csv' | 'jsonl' }
  | { readonly kind: 'download'; readonly path: string }
  | { readonly kind: 'summary' };

interface ResultsOptions {
  readonly path: boolean;
  readonly head: number | undefined;
  readonly query: string | undefined;
  readonly export: 'csv' | 'jsonl' | undefined;
  readonly download: string | undefined;
}

/** The one thing asked for. @throws USAGE when it is more than one */
function wishOf(options: ResultsOptions, json: boolean): Wish {
  const wishes: [flag: string, wish: Wish][] = [];
  if (options.path) wishes.push(['--path', { kind: 'path' }]);
  if (options.head !== undefined) wishes.push(['--head', { kind: 'query', sql: headSql(options.head) }]);
  if (options.query !== undefined) wishes.push(['--query', { kind: 'query', sql: options.query }]);
  if (options.export !== undefined) wishes.push(['--export', { kind: 'export', format: options.export }]);
  if (options.download !== undefined) wishes.push(['--download', { kind: 'download', path: options.download }]);
  const [first, second] = wishes;
  if (first !== undefined && second !== undefined)
    throw new AppError('USAGE', {
      message: `${first[0]} and ${second[0]} cannot be given together`,
      hint: 'Give one of them',
    });
  if (options.query !== undefined && options.query.trim() === '')
    throw new AppError('USAGE', {
      message: '--query: found an empty text, expected an SQL statement',
      hint: 'For example: --query "select status, count(*) from results group by status"',
    });
  if (options.download === '' || options.download === '-')
    throw new AppError('USAGE', {
      message: `--download: found ${JSON.stringify(options.download)}, expected the name of a file`,
      hint: 'For example: --download results.parquet; --export writes rows to stdout',
    });
  if (first?.[1].kind === 'export' && json)
    throw new AppError('USAGE', {
      message: '--export and --json cannot be given together',
      hint: '--export jsonl writes JSON lines; --query with --json prints one document',
    });
  return first?.[1] ?? { kind: 'summary' };
}

const headSql = (rows: number): string => `select * from results order by item_index limit ${rows}`;

async function printQuery(
  session: Session,
  app: App,
  { job, sql }: { readonly job: string; readonly sql: string },
): Promise<void> {
  const { renderRows, jsonRows } = await import('../render/rows.ts');
  const answer = await app.query({ job, sql });
  try {
    const pieces = session.flags.json
      ? jsonRows(answer.columns, answer.rows)
      : renderRows(answer.columns, answer.rows, session.view);
    for await (const piece of pieces) {
      if (session.io.signal.aborted) break;
      await session.print(piece);
    }
  } finally {
    await answer.close();
  }
}

async function download(
  session: Session,
  app: App,
  { job, path }: { readonly job: string; readonly path: string },
): Promise<void> {
  const document = await app.download({ job, path, signal: session.io.signal }).catch((error: unknown) => {
    throw session.io.signal.aborted ? interrupted() : error;
  });
  const { renderDownload } = await import('../render/results.ts');
  await session.show(document, renderDownload);
}

/** Rows cannot be read out of a remote file without fetching it, and nobody asked for gigabytes. */
const PREVIEW_REMOTE_BYTES = 64 * 1024 ** 2;

async function printSummary(session: Session, app: App, job: string): Promise<void> {
  const document = await app.results(job);
  await session.show(document, renderResults);
  if (session.flags.json) return;
  const far = !document.path.startsWith('/');
  if (document.rows > 0 && !(far && document.bytes > PREVIEW_REMOTE_BYTES)) {
    await session.print('\n');
    await printQuery(session, app, { job: document.jobId, sql: headSql(PREVIEW_ROWS) });
  }
  if (far) session.next(`slurmctl results ${document.jobId} --download results.parquet`);
  const where = document.failed > 0 ? 'from errors limit 20' : 'from results limit 20';
  session.next(`slurmctl results ${document.jobId} --query "select * ${where}"`);
}
