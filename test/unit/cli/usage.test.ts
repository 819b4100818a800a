import { describe, expect, it } from 'vitest';
import { runInProcess } from './run-cli.harness.ts';

/** What a tired person types, what the first line must name, and what the hint must offer. */
const MISTAKES: readonly (readonly [typed: string[], names: RegExp, offers: RegExp])[] = [
  [['stauts'], /unknown command 'stauts'/, /status/],
  [['sumbit', 'job.yaml'], /unknown command 'sumbit'/, /submit/],
  [['job.yaml'], /unknown command 'job\.yaml'/, /--help/],
  [['submit'], /missing required argument 'JOBFILE'/, /Job file.*slurmctl submit --help/],
  [['logs'], /missing required argument 'JOB'/, /@last.*slurmctl logs --help/],
  [['submit', 'job.yaml', '--wiat'], /unknown option '--wiat'/, /--wait/],
  [['status', '--jsno'], /unknown option '--jsno'/, /--json/],
  [['--jsno', 'status'], /unknown option '--jsno'/, /--json/],
  [['status', '-w'], /unknown option '-w'/, /Did you mean --watch\?/],
  [['logs', '@last', '-f'], /unknown option '-f'/, /Did you mean --failed or --follow\?/],
  [['status', '-q'], /unknown option '-q'/, /--quiet/],
  [['status', '-z'], /unknown option '-z'/, /^hint: See: slurmctl status --help/],
  [['status', 'a', 'b'], /too many arguments/, /slurmctl status --help/],
  [['submit', 'job.yaml', '--set', 'items'], /--set: found "items", expected key=value/, /--help/],
  [['submit', 'job.yaml', '--set', '=5'], /--set: found "=5", expected key=value/, /--help/],
  [['submit', 'job.yaml', '--set'], /'--set <key=value>' argument missing/, /slurmctl submit --help/],
  [['results', '@last', '--head', 'ten'], /--head: found "ten", expected a number of rows from 1/, /--help/],
  [['results', '@last', '--head', '0'], /--head: found "0"/, /--help/],
  [['results', '@last', '--head', '-3'], /--head/, /--help/],
  [['results', '@last', '--head', '9999999'], /--head: found "9999999"/, /--help/],
  [['results', '@last', '--export', 'xlsx'], /--export: found "xlsx", expected csv or jsonl/, /--help/],
  [['results', '@last', '--query', '  '], /--query: found an empty text/, /select/],
  [['results', '@last', '--path', '--head', '3'], /--path and --head cannot be given together/, /one of them/],
  [['results', '@last', '--export', 'csv', '--json'], /--export and --json/, /jsonl/],
  [['logs', '@last', '--task', '1e3'], /--task: found "1e3", expected the number of a task/, /--help/],
  [['gc', '--older-than', '30'], /--older-than: found "30", expected a duration with a unit/, /--help/],
  [['gc', '--purge'], /--purge removes outputs: it needs JOB or --older-than/, /--dry-run/],
  [['advance', '@last', '--wait-lease', 'soon'], /--wait-lease: found "soon", expected a duration/, /--help/],
  [['help', 'stauts'], /unknown command 'stauts'/, /status/],
];

describe('wrong usage', () => {
  it.each(MISTAKES)('%j ends with exit 2, names it and offers a way on', async (typed, names, offers) => {
    const { code, stdout, stderr, opened } = await runInProcess(typed);
    const [first = '', ...rest] = stderr.split('\n');
    expect(code).toBe(2);
    expect(first).toMatch(/^error: .*\[USAGE\]$/);
    expect(first).toMatch(names);
    expect(rest.join('\n')).toMatch(offers);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(opened).toEqual([]);
    if (!typed.includes('--json')) expect(stdout).toBe('');
  });

  it('with --json also prints the error document', async () => {
    const { code, stdout } = await runInProcess(['stauts', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'slurmctl.error/1',
      code: 'USAGE',
      message: "unknown command 'stauts'",
      exitCode: 2,
      retryable: false,
      problems: [],
    });
  });

  it('an unknown example names those that there are and the nearest', async () => {
    const app = {
      examples: async () => [
        { name: 'licences', summary: '' },
        { name: 'shell', summary: '' },
      ],
    };
    const { code, stderr } = await runInProcess(['init', '--example', 'licenses'], { app });
    expect(code).toBe(2);
    expect(stderr).toContain('there is no example "licenses"; there are: licences, shell [USAGE]');
    expect(stderr).toContain('Did you mean: slurmctl init --example licences');
  });
});
