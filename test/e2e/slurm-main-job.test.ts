import { describeSlurmJobs } from './slurm-main-job.suite.ts';

describeSlurmJobs({ kind: 'a directory' });
