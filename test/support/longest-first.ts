import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that wait for real clusters and killed processes for minutes; begun last, one of them would run on alone at the end. */
const LONG = [
  'slurm-aws-job',
  'slurm-main-job',
  'aws-races',
  'bad-services',
  'local-aws-crash',
  'local-aws-main-job',
  'local-crash',
  'slurm-contract',
  'local-aws-outage',
  'slurm-driver',
  'slurm-chaos',
  'spool',
  'local-retry',
  'retry-crash-sweep',
  'carry-sweep',
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
