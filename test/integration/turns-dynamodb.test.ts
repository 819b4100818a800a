import { beforeAll, expect, it } from 'vitest';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readTurns } from '../../src/coordinator/turns.ts';
import { freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { withTempDir } from '../support/temp-dir.ts';

let url: string;
beforeAll(async () => {
  useTestCredentials();
  ({ url } = await freshTable({ endpoint: await sharedAwsServer('dynamodb-local') }));
});

it('jobs that are submitted at once take turns in DynamoDB, one after the other', () =>
  withTempDir(async (root) => {
    const state = await openDynamoTable(url);
    const concurrency = { group: 'nightly', max: 2, source: 'job.yaml' };
    const rig = createRig(root, { state, spec: { concurrency } });
    const jobs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const deps = { ...rig.process(), state: await openDynamoTable(url) };
        return (await submitJob(deps, rig.wanted, { patienceMs: 0 })).job;
      }),
    );
    const arrays = () => rig.batch.accepted.filter(({ request }) => request.array !== undefined).length;
    const { holders, line } = await readTurns(state, 'nightly');
    expect([holders.length, line.length, arrays()]).toEqual([2, 3, 2]);
    expect(new Set([...holders, ...line].map(({ job }) => job))).toEqual(new Set(jobs));
    const [first] = holders;
    const [next] = line;
    if (first === undefined || next === undefined) throw new Error('nobody is there');
    await cancelJob(rig.process(), first.job, 'not needed');
    await advanceJob(rig.process(), { job: next.job, waitLeaseMs: 0, patienceMs: 0 });
    expect((await readTurns(state, 'nightly')).holders.map(({ job }) => job)).toEqual([holders[1]?.job, next.job]);
    expect(arrays()).toBe(3);
  }));
