import { defineCommand, flag } from '../define-command.ts';
import { printable } from '../render/text.ts';

export const list = defineCommand({
  name: 'list',
  group: 'Look',
  summary: 'List jobs, newest first',
  description: 'Lists the jobs that are live, and those of the last 14 days. With --all, every job.',
  args: {},
  options: { all: flag('Also list older jobs that have ended') },
  examples: [{ command: 'slurmctl list --all', what: 'Every job of this home directory' }],
  run: async (session, { options: { all } }) => {
    const document = await (await session.app()).list({ all });
    const { renderList } = await import('../render/list.ts');
    await session.show(document, renderList);
    for (const note of document.notes ?? []) session.note(printable(note));
    const newest = document.jobs[0];
    if (newest !== undefined) session.next(`slurmctl status ${newest.id}`);
    else
      session.note(
        all
          ? 'no jobs; write a first one with: slurmctl init'
          : 'no live or recent jobs; see all with: slurmctl list --all',
      );
    return 0;
  },
});
