import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that wait for real clusters and killed processes for minutes; begun last, one of them would run on alone at the end. */
const LONG = [
  'slurm-main-job',
  'slurm-aws-job',
  'aws-races',
  'bad-services',
  'local-aws-crash',
  'local-aws-main-job',
  'local-crash-submit',
  'local-crash-worker',
  'local-aws-outage',
  'slurm-contract',
  'coordinator-pause',
  'carry-sweep',
  'local-main-job',
  'bad-stored',
  'slurm-driver',
  'spool',
  'local-crash-end',
  'bad-places',
  'slurm-limits',
  'slurm-chaos',
  'state-table',
  'aws-settings',
  'sqs-faults',
  'submit-crash-sweep',
  'bad-input',
  'probe-faults',
  'local-retry',
  'json-documents',
  'bad-job-file',
  's3-faults',
  'dynamodb-lost-writes',
  'aggregate-output',
];

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.includes(`/${name}`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
