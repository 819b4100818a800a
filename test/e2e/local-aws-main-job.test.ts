import { describeOtherEnds, describeWholeJob } from './local-main-job.suite.ts';

describeWholeJob({ kind: 'AWS services' }, { alone: false });
describeWholeJob({ kind: 'AWS services on a bad day', rate: 0.2 });
describeWholeJob({ kind: 'a bucket, and a directory for states' }, { alone: false });
describeWholeJob({ kind: 'a directory for objects, and a table' }, { alone: false });
describeOtherEnds({ kind: 'AWS services on a bad day', rate: 0.1, seed: 2 });
