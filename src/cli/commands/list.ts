import { JOB_ORDERS, type JobOrder } from '../../domain/job-order.ts';
import { JOB_STATES, type JobState } from '../../domain/states.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, parsed, repeated, text } from '../define-command.ts';
import { count, printable } from '../render/text.ts';
import { parseSince, SINCE_EXPECTED } from './parse-since.ts';

/** A state by its name, in any case, with `-` for `_`. */
const parseState = (word: string): JobState | null =>
  JOB_STATES.find((state) => state === word.toUpperCase().replaceAll('-', '_')) ?? null;

const parseLimit = (word: string): number | null => (/^[1-9]\d{0,6}$/.test(word) ? Number(word) : null);

export const list = defineCommand({
  name: 'list',
  group: 'Look',
  summary: 'List jobs, newest first',
  description:
    'Lists the jobs that are live, and those of the last 14 days. With --all or --since, older ones too. A job is listed when it fits every option that is given.',
  args: {},
  options: {
    all: flag('Also list older jobs that have ended'),
    live: flag('Only jobs that have not ended'),
    ended: flag('Only jobs that have ended'),
    // `--state` says where the state table is.
    status: repeated<JobState>(
      'state',
      'Only jobs in this state, such as running or failed; may be given several times',
      {
        parse: parseState,
        expected: `one of ${JOB_STATES.join(', ')}`,
      },
    ),
    name: text('pattern', 'Only jobs with this name; * stands for any characters, ? for one'),
    user: text('name', 'Only jobs that this user submitted'),
    since: parsed('when', 'Only jobs created since: a time such as 2026-11-21T09:30:00Z, or how long ago: 2d', {
      parse: parseSince,
      expected: SINCE_EXPECTED,
    }),
    sort: parsed<JobOrder>('key', `Sort by ${JOB_ORDERS.join(', ')} (default: created, newest first)`, {
      parse: (word) => JOB_ORDERS.find((key) => key === word.toLowerCase()) ?? null,
      expected: JOB_ORDERS.join(', '),
    }),
    limit: parsed('number', 'List so many at most', { parse: parseLimit, expected: 'a whole number from 1 up' }),
  },
  examples: [
    { command: 'slurmctl list --all', what: 'Every job of this home directory' },
    { command: "slurmctl list --status failed --name 'embed*' --since 30d", what: 'What failed lately' },
    { command: 'slurmctl list --live --json | jq -r .jobs[].id', what: 'Ids for a script' },
  ],
  run: async (session, { options: { all, live, ended, status, name, user, since, sort, limit } }) => {
    if (live && ended)
      throw new AppError('USAGE', {
        message: 'of --live and --ended only one can be given',
        hint: 'See: slurmctl list --help',
      });
    const document = await (
      await session.app()
    ).list({
      all,
      ...(status.length === 0 ? {} : { states: status }),
      ...(live || ended ? { life: live ? ('live' as const) : ('ended' as const) } : {}),
      ...(name === undefined ? {} : { name }),
      ...(user === undefined ? {} : { user }),
      ...(since === undefined ? {} : { since }),
      ...(sort === undefined ? {} : { sort }),
      ...(limit === undefined ? {} : { limit }),
    });
    const { renderList } = await import('../render/list.ts');
    await session.show(document, renderList);
    for (const note of document.notes ?? []) session.note(printable(note));
    if (document.more > 0) session.note(`${count(document.more, 'more job')} not listed`);
    const [first] = document.jobs;
    const isFiltered = live || ended || status.length > 0 || [name, user, since].some((each) => each !== undefined);
    if (first !== undefined) session.next(`slurmctl status ${first.id}`);
    else session.note(nothingListed(all, isFiltered));
    return 0;
  },
});

function nothingListed(all: boolean, isFiltered: boolean): string {
  if (isFiltered) return `no job fits${all ? '' : '; --all looks among older ones too'}`;
  return all
    ? 'no jobs; write a first one with: slurmctl init'
    : 'no live or recent jobs; see all with: slurmctl list --all';
}
