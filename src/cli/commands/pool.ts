import type { EvictWhom } from '../../config/pool-words.ts';
import { AppError } from '../../errors/app-error.ts';
import { defineCommand, flag, optional, required, text } from '../define-command.ts';
import { printable } from '../render/text.ts';
import { showOrWatch, watchOption } from './show-or-watch.ts';

const NAME = 'Name of the pool; group:NAME for a group of jobs';

const poolSet = defineCommand({
  name: 'pool set',
  group: 'Upkeep',
  summary: 'State how many hold a pool at a time',
  description:
    'States how many slots a pool has, for all jobs that use it. Where slots become fewer than are held, nobody loses one: holders keep theirs until ' +
    'they give them back, and nobody takes one before there are fewer holders than slots. A lease that is not given stays as it is; another one ' +
    'counts for slots that are taken from then on.',
  args: { name: required(NAME) },
  options: {
    slots: text('number', 'How many hold it at a time, from 1 to 1000'),
    lease: text('duration', 'A holder that is silent for so long loses its slot, from 5s to 1h (default: 60s)'),
  },
  examples: [
    { command: 'slurmctl pool set matlab --slots 5', what: 'Five licences' },
    { command: 'slurmctl pool set db --slots 20 --lease 30s', what: 'Connections that come back sooner from the dead' },
  ],
  run: async (session, { args: { name }, options: { slots, lease } }) => {
    const words = { ...(slots === undefined ? {} : { slots }), ...(lease === undefined ? {} : { lease }) };
    const document = await (await session.app()).poolSet({ name, words });
    const { renderPoolSet } = await import('../render/pool.ts');
    await session.show(document, renderPoolSet);
    session.next(`slurmctl pool show ${name}`);
    return 0;
  },
});

const poolList = defineCommand({
  name: 'pool list',
  group: 'Upkeep',
  summary: 'List the pools of this site',
  description:
    'Lists every pool of the state table, with how many of its slots are held and how many processes wait for one, and after them the groups of jobs ' +
    'that do not run together (`concurrency` in a job file): how many run, and how many wait.',
  args: {},
  options: {},
  examples: [{ command: 'slurmctl pool list', what: 'All pools' }],
  run: async (session) => {
    const document = await (await session.app()).poolList();
    const { renderPoolList } = await import('../render/pool.ts');
    await session.show(document, renderPoolList);
    const first = document.pools[0] ?? document.groups[0];
    if (first === undefined) session.note('no pools; state one with: slurmctl pool set NAME --slots 20');
    else session.next(`slurmctl pool show ${first.figures.name}`);
    return 0;
  },
});

const poolShow = defineCommand({
  name: 'pool show',
  group: 'Upkeep',
  summary: 'Show who holds the slots of a pool, and who waits',
  description:
    'Shows the figures of a pool, who holds which slot since when and was last heard of when, who waits in which order and for how long, and the live ' +
    'jobs that use it. With --watch, goes on until interrupted: redrawn in place on a terminal, a line for each change otherwise, and with --json ' +
    'one document a line.',
  args: { name: required(NAME) },
  options: { watch: watchOption },
  examples: [
    { command: 'slurmctl pool show db', what: 'One look' },
    { command: 'slurmctl pool show db --watch', what: 'Live' },
  ],
  endsOnInterrupt: true,
  run: async (session, { args: { name }, options: { watch } }) => {
    const app = await session.app();
    const { poolFacts, poolSentence, renderPool } = await import('../render/pool-show.ts');
    return showOrWatch(session, watch, {
      once: () => app.poolShow(name),
      again: (signal) => app.poolWatch({ name, signal }),
      render: renderPool,
      sentence: poolSentence,
      facts: poolFacts,
    });
  },
});

const poolDelete = defineCommand({
  name: 'pool delete',
  group: 'Upkeep',
  summary: 'Forget a pool',
  description:
    'Forgets a pool. Refused while live jobs use it, or somebody holds a slot or waits for one. With --force it is deleted all the same: who waits is ' +
    'told that there is no such pool, who holds a slot keeps it.',
  args: { name: required(NAME) },
  options: { force: flag('Also while somebody uses it') },
  examples: [{ command: 'slurmctl pool delete db', what: 'When no job needs it any more' }],
  run: async (session, { args: { name }, options: { force } }) => {
    const document = await (await session.app()).poolDelete({ name, force });
    const { renderPoolDelete } = await import('../render/pool.ts');
    await session.show(document, renderPoolDelete);
    if (document.jobs.length > 0) session.note(`live jobs that name it: ${document.jobs.map(printable).join(', ')}`);
    return 0;
  },
});

const poolEvict = defineCommand({
  name: 'pool evict',
  group: 'Upkeep',
  summary: 'Take a slot of a pool away from its holder',
  description:
    'Takes a slot away: one by its number, or all that a job holds, or all that are held on a node. The holder hears of it at its next heartbeat, ' +
    'within a third of the lease, and stops what it does with the slot; the slot is free when it has given it back, or was silent for a whole lease. ' +
    'Its item is tried again and waits in line like all others: `slurmctl pause` keeps a job away. Dead holders need no such help: their slots come ' +
    'back by themselves.',
  args: { name: required(NAME), slot: optional('Number of the slot, from 0') },
  options: {
    job: text('job', 'All slots that this job holds'),
    node: text('node', 'All slots that are held on this node'),
  },
  examples: [
    { command: 'slurmctl pool evict db 3', what: 'Slot 3' },
    { command: 'slurmctl pool evict matlab --job embed-7k3f9q2m', what: 'Every slot of a job' },
  ],
  run: async (session, { args: { name, slot }, options }) => {
    const document = await (await session.app()).poolEvict({ name, whom: whomOf(name, { slot, ...options }) });
    const { renderPoolEvict } = await import('../render/pool-evict.ts');
    await session.show(document, renderPoolEvict);
    session.next(`slurmctl pool show ${name}`);
    return 0;
  },
});

/** @throws USAGE unless exactly one is given */
function whomOf(
  name: string,
  { slot, job, node }: Readonly<Record<'slot' | 'job' | 'node', string | undefined>>,
): EvictWhom {
  const given: EvictWhom[] = [
    ...(slot === undefined ? [] : [{ slot }]),
    ...(job === undefined ? [] : [{ job }]),
    ...(node === undefined ? [] : [{ node }]),
  ];
  const whom = given[0];
  if (given.length === 1 && whom !== undefined) return whom;
  throw new AppError('USAGE', {
    message: `pool evict ${name}: found ${given.length === 0 ? 'nobody' : 'several'} to evict, expected one of SLOT, --job and --node`,
    hint: `See who holds what with: slurmctl pool show ${name}`,
  });
}

/** `pool set`, `pool list`, `pool show`, `pool delete`, `pool evict`. */
export const poolCommands = [poolSet, poolList, poolShow, poolDelete, poolEvict];
