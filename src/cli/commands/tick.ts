import { defineCommand } from '../define-command.ts';
import { renderTick } from '../render/advance.ts';
import { noteCarry } from '../render/carry.ts';
import { printable } from '../render/text.ts';

export const tick = defineCommand({
  name: 'tick',
  group: 'Work',
  summary: 'Advance every live job once (for cron)',
  description:
    'Does for every live job what advance does for one. Meant for cron, as the safety net behind jobs that drive themselves. A job that cannot be ' +
    'advanced does not stop the others; the exit code is then 5.',
  args: {},
  options: {},
  examples: [
    { command: '*/10 * * * * slurmctl tick --quiet --home /shared/run/.slurmctl', what: 'A line for crontab' },
  ],
  run: async (session) => {
    const document = await (await session.app()).tick();
    await session.show(document, renderTick);
    for (const { carry, jobId } of document.jobs) noteCarry(session, carry, jobId);
    for (const note of document.notes ?? []) session.note(printable(note));
    if (document.jobs.length === 0) session.note('no live jobs');
    return document.jobs.some(({ error }) => error !== null) ? 5 : 0;
  },
});
