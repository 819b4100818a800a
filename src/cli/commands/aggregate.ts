import { defineCommand, required } from '../define-command.ts';
import { createProgressView } from '../progress.ts';
import { noteCarry } from '../render/carry.ts';
import { renderAggregate } from '../render/results.ts';
import { JOB_ARGUMENT } from './job-argument.ts';

export const aggregate = defineCommand({
  name: 'aggregate',
  group: 'Work',
  summary: 'Merge and publish the output of a job whose tasks are all final',
  description:
    'Verifies every committed result, merges them into one Parquet file and publishes it. advance does this by itself when the last task is final; ' +
    'running it again publishes nothing new unless the results changed.',
  args: { job: required(JOB_ARGUMENT) },
  options: {},
  examples: [{ command: 'slurmctl aggregate @last', what: 'Publish, or verify what is published' }],
  run: async (session, { args: { job } }) => {
    const app = await session.app();
    const view = await createProgressView(session);
    const document = await app.aggregate(job, (progress) => view.progress(progress)).finally(() => view.stop());
    await session.show(document, renderAggregate);
    noteCarry(session, document.carry, document.jobId);
    session.next(`slurmctl results ${document.jobId}`);
    return 0;
  },
});
