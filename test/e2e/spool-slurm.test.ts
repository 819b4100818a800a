import { chmodSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdvanceDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import { writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { startSlurmCluster, type SlurmCluster } from '../support/slurm-cluster.ts';
import { expectDoubles, MAX_ARRAY_SIZE, until } from '../support/slurm-job.ts';
import { createSpoolSite, type SpoolSite } from '../support/spool-site.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const ITEMS = 200;

/** What a node of such a cluster has: no credentials, and services that are nowhere. */
const NODE = `#!/bin/bash
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_PROFILE
export AWS_REGION=nowhere-1 AWS_ENDPOINT_URL=http://127.0.0.1:9 ON_NODE=yes
`;

describe('nodes without a route on a real Slurm', () => {
  let cluster: SlurmCluster;
  let compiled = '';
  const temp = makeTempDir('slurm-spool');
  const sites: SpoolSite[] = [];

  beforeAll(async () => {
    compiled = await compiledProject();
    cluster = await startSlurmCluster({ nodes: 2, cpus: 2, maxArraySize: MAX_ARRAY_SIZE, settings: { KillWait: 5 } });
  }, 180_000);
  afterAll(async () => {
    for (const site of sites) await site.close();
    await cluster?.stop();
    temp.remove();
  }, 60_000);

  async function openSite(name: string, more: NodeJS.ProcessEnv = {}): Promise<SpoolSite> {
    const real = (await cluster.slurm('which', 'sbatch')).trim();
    const bin = join(temp.path, name, 'bin');
    writeFiles(bin, { sbatch: `${NODE}exec ${real} "$@"\n` });
    chmodSync(join(bin, 'sbatch'), 0o755);
    const env = { ...cluster.env, PATH: `${bin}:${process.env['PATH']}`, ...more };
    const site = await createSpoolSite(join(temp.path, name), compiled, { env, items: ITEMS, batch: 10 });
    sites.push(site);
    return site;
  }
  const over = ({ login }: SpoolSite, job: string): Promise<StatusDocument> =>
    until(async () => {
      const status = await login.json<StatusDocument>(['status', job]);
      return status.job.state === 'COMPLETED' ? status : null;
    });
  const connections = ({ relays }: SpoolSite): number[] => relays.map((relay) => relay.connections());

  it('run the job to its published end by themselves, and ask no service', async () => {
    const site = await openSite('alone', { ITEM_MS: '40' });
    const { login, laptop } = site;
    const { jobId: job, scheduler, carry } = await login.json<SubmitDocument>(['submit', 'job.yaml']);
    expect(scheduler).toBe('slurm');
    expect(carry).toMatchObject({ problem: null, complete: false, total: 20 });
    const before = connections(site);
    await over(site, job);
    expect(connections(site)).toEqual(before);
    // The finaliser published, not this test.
    expect(readdirSync(join(login.cwd, '.slurmctl/elements', job, 'advance')).length).toBeGreaterThan(0);
    const old = await laptop.json<StatusDocument>(['status', job]);
    expect(old.job.state).toBe('RUNNING');
    expect(old.carry).toMatchObject({ seenFrom: 'copy', tasks: carry?.tasks });
    expect((await login.json<AdvanceDocument>(['advance', job])).carry).toMatchObject({ complete: true, tasks: 20 });
    await expectDoubles(laptop, job, ITEMS);
    expect(readFileSync(join(login.cwd, 'calls'), 'utf8').trim().split('\n')).toHaveLength(ITEMS);
  });

  it('lose nothing when carriers are killed with -9 again and again, two at a time', async () => {
    const site = await openSite('killed', { ITEM_MS: '100' });
    const { login, laptop } = site;
    const { jobId: job } = await login.json<SubmitDocument>(['submit', 'job.yaml']);
    let inTheMiddle = 0;
    for (const chunks of [3, 8, 14, 20]) {
      await until(async () => (await login.json<StatusDocument>(['status', job])).tasks.done > chunks / 5 || null);
      const stalled = site.relays[0].stallAfter(chunks);
      const victims = [login.start(['advance', job]), login.start(['advance', job])];
      const ended = victims.map((victim) => new Promise((resolve) => victim.once('exit', resolve)));
      const where = await Promise.race([stalled.then(() => 'middle'), Promise.all(ended).then(() => 'end')]);
      if (where === 'middle') inTheMiddle += 1;
      for (const victim of victims) victim.kill('SIGKILL');
      await Promise.all(ended);
      await site.route(true);
      const near = await login.json<StatusDocument>(['status', job]);
      const far = await laptop.json<StatusDocument>(['status', job]);
      expect(far.tasks.done).toBeLessThanOrEqual(near.tasks.done);
    }
    expect(inTheMiddle).toBeGreaterThanOrEqual(2);
    await over(site, job);
    expect((await login.json<AdvanceDocument>(['advance', job])).carry).toMatchObject({ complete: true, tasks: 20 });
    await expectDoubles(laptop, job, ITEMS);
    await expectDoubles(login, job, ITEMS);
  });
});
