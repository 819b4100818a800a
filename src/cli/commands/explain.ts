import type { ExplainDocument } from '../../app/explain-documents.ts';
import { defineCommand, optional, parsed, text } from '../define-command.ts';
import { printable, shellWord } from '../render/text.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

/** Task numbers have up to nine digits. */
const TASK = /^\d{1,9}$/;

export const explain = defineCommand({
  name: 'explain',
  group: 'Look',
  summary: 'Tell the story of a job, a task or an item',
  description:
    'Tells what happened, in order, and why. Of a job: what was asked for and sent, what people did to it, why attempts failed, which rules decided, ' +
    'why it is not running and until when, and what it cost. Of a task: every attempt with its node, its time, why it ended and what was decided. Of an item: its outcome or ' +
    'where it stands, the story of its task, and how to run it again. Looks only.',
  args: { job: optional(`${JOB_ARGUMENT}; with /NUMBER at its end, a task of it`, '@last') },
  options: {
    task: parsed('number', 'Tell about this task', {
      parse: (raw) => (TASK.test(raw) ? Number(raw) : null),
      expected: 'the number of a task, such as 12 or 000012',
    }),
    item: text('id', 'Tell about the item with this id, or with this position in the input, from 0, as #12'),
  },
  examples: [
    { command: 'slurmctl explain', what: 'The newest job' },
    { command: 'slurmctl explain @last/12', what: 'Every attempt at its task 12' },
    { command: 'slurmctl explain licences --item sample-0042', what: 'What became of one item' },
  ],
  run: async (session, { args: { job }, options: { task, item } }) => {
    const document = await (
      await session.app()
    ).explain({ job, ...(task === undefined ? {} : { task }), ...(item === undefined ? {} : { item }) });
    const { renderExplain } = await import('../render/explain.ts');
    await session.show(document, renderExplain);
    session.next(nextAfterExplain(document));
    return 0;
  },
});

/** Can this id be shown, copied and given as a line? Others would act on the terminal, or name another item. */
const isTypeable = (itemId: string): boolean => itemId === printable(itemId) && itemId === itemId.trim();

/** `echo` takes words that begin with a dash for options, and in some shells obeys backslashes. */
const saying = (itemId: string): string =>
  /^\w[\w.:/-]*$/.test(itemId) ? `echo ${itemId}` : `printf '%s\\n' ${shellWord(itemId)}`;

/** What a person would do next. */
export function nextAfterExplain({ about, jobId, state, job, task, item }: ExplainDocument): string {
  if (about === 'job') {
    const worst = job?.worst[0];
    if (worst !== undefined) return `slurmctl explain ${jobId}/${Number(worst.task)}`;
    if (state === 'PAUSED') return `slurmctl resume ${jobId}`;
    // Items that failed one by one are no part of the story of attempts.
    return (job?.items.failed ?? 0) > 0 ? `slurmctl analyze-errors ${jobId}` : `slurmctl status ${jobId}`;
  }
  const number = Number(task?.task ?? 0);
  // A record that cannot be read stays so: only its correction helps.
  if (item?.cause === 'bad-input') return `slurmctl logs ${jobId} --task ${number}`;
  if (item?.status === 'failed' && isTypeable(item.itemId))
    return `${saying(item.itemId)} | slurmctl retry ${jobId} --items -`;
  if (item?.status === 'failed') return `slurmctl retry ${jobId} --task ${number}`;
  if (task?.state === 'DEAD') return `slurmctl retry ${jobId} --task ${number}`;
  return `slurmctl logs ${jobId} --task ${number}`;
}
