import { describeSlurmJobs } from './slurm-main-job.suite.ts';

describeSlurmJobs({ kind: 'AWS services on a bad day', rate: 0.05 });
