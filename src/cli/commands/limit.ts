import { defineCommand, flag, repeated, required, text } from '../define-command.ts';
import { printable } from '../render/text.ts';
import { showOrWatch, watchOption } from './show-or-watch.ts';

const NAME = 'Name of the limit';

/** Words of a job file or a quota are checked where they mean something. */
const asTyped = { parse: (typed: string) => typed, expected: 'text' };

const limitSet = defineCommand({
  name: 'limit set',
  group: 'Upkeep',
  summary: 'State the figures of a rate limit',
  description:
    'States what a limit is, for all jobs that use it: its rates, and what else it counts. What is not given, the limit does not have. Workers ' +
    'take a change over with their next purchase; calls whose turn was sold already keep it.',
  args: { name: required(NAME) },
  options: {
    rate: text('rate', 'Calls in a time: 3000/min, 10/s, 1M/day'),
    tokens: text('rate', 'Tokens in a time, beside the calls: 250k/min'),
    unit: repeated('unit=rate', 'Any other unit that calls use up: images=10/min', asTyped),
    burst: text('duration', 'How long an unused rate is saved up, at most 5s (default: 0s)'),
    hourly: repeated('amount', 'Most calls in a calendar hour; tokens=10M for another unit', asTyped),
    daily: repeated('amount', 'Most calls in a calendar day', asTyped),
    monthly: repeated('amount', 'Most calls in a calendar month', asTyped),
    zone: text('name', 'Time zone of these calendars (default: UTC)'),
    mode: text('mode', 'statistical, or hard: never above the rate, at the price of some of it (default: statistical)'),
  },
  examples: [
    {
      command: 'slurmctl limit set openai --rate 3000/min --tokens 250k/min --burst 2s --daily 1M',
      what: 'A key with two rates and a quota',
    },
    { command: 'slurmctl limit set geocoder --rate 5/s --mode hard', what: 'A service that forgives nothing' },
  ],
  run: async (session, { args: { name }, options }) => {
    const words = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const document = await (await session.app()).limitSet({ name, words });
    const { renderLimitSet } = await import('../render/limit.ts');
    await session.show(document, renderLimitSet);
    session.next(`slurmctl limit show ${name}`);
    return 0;
  },
});

const limitList = defineCommand({
  name: 'limit list',
  group: 'Upkeep',
  summary: 'List the rate limits of this site',
  description: 'Lists every rate limit of the state table, with its figures and how far ahead its turns are sold.',
  args: {},
  options: {},
  examples: [{ command: 'slurmctl limit list', what: 'All rate limits' }],
  run: async (session) => {
    const document = await (await session.app()).limitList();
    const { renderLimitList } = await import('../render/limit.ts');
    await session.show(document, renderLimitList);
    const first = document.limits[0];
    if (first === undefined) session.note('no limits; state one with: slurmctl limit set NAME --rate 3000/min');
    else session.next(`slurmctl limit show ${first.figures.name}`);
    return 0;
  },
});

const limitShow = defineCommand({
  name: 'limit show',
  group: 'Upkeep',
  summary: 'Show what a rate limit sells, and to whom',
  description:
    'Shows the figures of a limit, the share of them that is sold after refusals of the provider, how far ahead turns are sold, what is left of ' +
    'its quotas, the live jobs that use it, and which of their workers hold turns or wait for some. With --watch, goes on until interrupted: redrawn in place on a terminal, a line for each change ' +
    'otherwise, and with --json one document a line.',
  args: { name: required(NAME) },
  options: { watch: watchOption },
  examples: [
    { command: 'slurmctl limit show openai', what: 'One look' },
    { command: 'slurmctl limit show openai --watch', what: 'Live' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { name }, options: { watch } }) => {
    const app = await session.app();
    const { limitSentence, renderLimit } = await import('../render/limit.ts');
    return showOrWatch(session, watch, {
      once: () => app.limitShow(name),
      again: (signal) => app.limitWatch({ name, signal }),
      render: renderLimit,
      sentence: limitSentence,
      facts: ({ figures, share, answers429, refusals, jobs }) => [figures, share, answers429, refusals, jobs],
    });
  },
});

const limitDelete = defineCommand({
  name: 'limit delete',
  group: 'Upkeep',
  summary: 'Forget a rate limit',
  description:
    'Forgets a limit and what was counted of it. Refused while live jobs use it: their workers would stop. With --force it is deleted all the same.',
  args: { name: required(NAME) },
  options: { force: flag('Also while live jobs use it') },
  examples: [{ command: 'slurmctl limit delete openai', what: 'When no job needs it any more' }],
  run: async (session, { args: { name }, options: { force } }) => {
    const document = await (await session.app()).limitDelete({ name, force });
    const { renderLimitDelete, setAgainCommand } = await import('../render/limit.ts');
    await session.show(document, renderLimitDelete);
    if (document.jobs.length > 0) {
      session.note(`live jobs that name it: ${document.jobs.map(printable).join(', ')}`);
      session.note(`their workers fail until it is set again: ${setAgainCommand(document)}`);
    }
    return 0;
  },
});

/** `limit set`, `limit list`, `limit show`, `limit delete`. */
export const limitCommands = [limitSet, limitList, limitShow, limitDelete];
