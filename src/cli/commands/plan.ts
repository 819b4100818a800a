import { defineCommand, flag, required } from '../define-command.ts';
import { shellWord } from '../render/text.ts';
import { setOption } from './set-option.ts';

export const plan = defineCommand({
  name: 'plan',
  group: 'Work',
  summary: 'Check a job file and show what submit would do',
  description:
    'Checks everything that submit checks and reports all problems at once, then shows tasks, array elements, the limits that bind and the exact ' +
    'commands that submit would run. Submits nothing and writes nothing.',
  args: { jobFile: required('Job file (YAML)') },
  options: { set: setOption, scripts: flag('Also show the batch script of every submission') },
  examples: [
    { command: 'slurmctl plan job.yaml', what: 'Check and show' },
    { command: 'slurmctl plan job.yaml --scheduler slurm --scripts', what: 'See the very script that Slurm would get' },
  ],
  run: async (session, { args: { jobFile }, options: { set, scripts } }) => {
    const app = await session.app({ jobFile });
    const document = await app.plan({ jobFile, set });
    const { renderPlan } = await import('../render/plan.ts');
    await session.show(document, (shown, view) => renderPlan(shown, view, scripts));
    session.next(
      ['slurmctl submit', jobFile, ...set.flatMap((each) => ['--set', each])]
        .map((word, index) => (index === 0 ? word : shellWord(word)))
        .join(' '),
    );
    return 0;
  },
});
