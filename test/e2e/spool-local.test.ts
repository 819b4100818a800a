import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type {
  AdvanceDocument,
  DoctorDocument,
  GcDocument,
  ListDocument,
  StatusDocument,
  SubmitDocument,
  TickDocument,
} from '../../src/app/documents.ts';
import type { CancelDocument } from '../../src/app/decision-documents.ts';
import type { ErrorDocument, RetryWaitDocument } from '../../src/cli/documents.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';
import { expectDoubles, until } from '../support/slurm-job.ts';
import { createSpoolSite, type SpoolSite } from '../support/spool-site.ts';

const ITEMS = 60;

describe('a spool on a host with a route', () => {
  let compiled = '';
  beforeAll(async () => {
    compiled = await compiledProject();
  }, 180_000);

  const withSite = (use: (site: SpoolSite) => Promise<void>, more: NodeJS.ProcessEnv = {}): Promise<void> =>
    withQuietDir(async (directory) => {
      const env = { SLURMCTL_SCHEDULER: 'local', SLURMCTL_LOCAL_SLOTS: '2', ...more };
      const site = await createSpoolSite(directory, compiled, { env, items: ITEMS, batch: 5 });
      try {
        await use(site);
      } finally {
        await site.close();
      }
    });
  const over = ({ login }: SpoolSite, job: string): Promise<StatusDocument> =>
    until(async () => {
      const status = await login.json<StatusDocument>(['status', job]);
      return status.job.state === 'COMPLETED' ? status : null;
    });

  it('runs a job to its end without the services, and carries it when they are back', () =>
    withSite(async (site) => {
      const { login, laptop } = site;
      await site.route(false);
      const submitted = await login.json<SubmitDocument>(['submit', 'job.yaml']);
      const job = submitted.jobId;
      expect(submitted.carry).toMatchObject({ upTo: null, complete: false, problem: expect.stringContaining('[') });
      await over(site, job);
      const late = await login('advance', job);
      expect(late.code, late.stderr).toBe(0);
      expect(late.stderr).toContain(`not everything of job ${job} was carried`);
      expect((await laptop('status', job)).code).toBe(4);
      expect((await login.json<ListDocument>(['list'])).notes?.[0]).toContain('only the jobs of the spool');

      await site.route(true);
      const tick = await login.json<TickDocument>(['tick']);
      expect(tick.jobs).toMatchObject([
        { jobId: job, state: 'COMPLETED', carry: { complete: true, tasks: 12, total: 12 } },
      ]);
      await expectDoubles(laptop, job, ITEMS);
      await expectDoubles(login, job, ITEMS);
      const before = site.relays.map((relay) => relay.connections());
      await login.json<TickDocument>(['status', job]);
      expect((await login('status', job)).stdout).toContain('everything carried (12 of 12 tasks)');
      expect(site.relays.map((relay) => relay.connections())).toEqual(before);
      expect(readFileSync(join(login.cwd, 'calls'), 'utf8').trim().split('\n')).toHaveLength(ITEMS);
    }));

  it('lets a laptop look at the copy and change nothing, and hands the job over at gc', () =>
    withSite(async (site) => {
      const { login, laptop } = site;
      const { jobId: job, carry } = await login.json<SubmitDocument>(['submit', 'job.yaml']);
      expect(carry).toMatchObject({ seenFrom: 'spool', problem: null, total: 12 });
      const seen = await laptop.json<StatusDocument>(['status', job]);
      expect(seen.carry).toMatchObject({ seenFrom: 'copy', directory: join(login.cwd, '.slurmctl/spool') });
      const changes = [['cancel', '--reason', 'no'], ['pause', '--now'], ['resume'], ['retry', '--failed']];
      await Promise.all(
        [...changes, ['advance'], ['aggregate'], ['gc']].map(async (words) => {
          const refused = await laptop.json<ErrorDocument>([...words, job], [5]);
          expect(refused, words.join(' ')).toMatchObject({
            code: 'JOB_SPOOLED',
            hint: expect.stringContaining(join(login.cwd, '.slurmctl/spool')),
          });
        }),
      );
      expect((await laptop('explain', job)).stdout).toContain('this is a copy');
      await over(site, job);
      expect((await login.json<AdvanceDocument>(['advance', job])).carry).toMatchObject({
        complete: true,
        problem: null,
      });
      // Some of it again, from where the job lives: the copy follows.
      const again = await login.json<RetryWaitDocument>(['retry', job, '--task', '2,5', '--all', '--wait']);
      expect(again).toMatchObject({ items: 10, tasks: 2, generation: 1 });
      expect(again.final).toMatchObject({ job: { state: 'COMPLETED' }, carry: { complete: true, problem: null } });
      const followed = await laptop.json<StatusDocument>(['status', job]);
      expect(followed).toMatchObject({ job: { state: 'COMPLETED', generation: 1 }, outputGeneration: 1 });
      expect((await laptop('explain', `${job}/2`)).stdout).toContain('run again');
      await expectDoubles(laptop, job, ITEMS);
      expect((await laptop.json<ErrorDocument>(['retry', job, '--task', '2', '--all'], [5])).code).toBe('JOB_SPOOLED');
      expect((await laptop('tick')).code).toBe(0);
      const rehearsed = await login.json<GcDocument>(['gc', '--older-than', '0s', '--dry-run']);
      expect(JSON.stringify(rehearsed.removed)).toContain(job);
      const { removed } = await login.json<GcDocument>(['gc', '--older-than', '0s']);
      expect(JSON.stringify(removed)).toContain(`spooled files of job ${job}`);
      expect(existsSync(join(login.cwd, '.slurmctl/spool/objects/jobs', job))).toBe(false);
      const found = await login.json<StatusDocument>(['status', job]);
      expect(found.job.state).toBe('COMPLETED');
      expect(found.carry).toBeUndefined();
      await expectDoubles(login, job, ITEMS);
      const handedOver = await login.json<ErrorDocument>(['retry', job, '--task', '2', '--all'], [2]);
      expect(handedOver).toMatchObject({ code: 'JOB_BAD_STATE', hint: expect.stringContaining('handed over') });
      const published = await laptop.json<{ published: boolean }>(['aggregate', job]);
      expect(published.published).toBe(false);
      expect((await laptop.json<GcDocument>(['gc', job, '--older-than', '0s', '--purge'])).removed).toHaveLength(1);
      expect((await login('status', job)).code).toBe(4);
    }));

  it('goes on after a carrier was killed with -9 in the middle', () =>
    withSite(async (site) => {
      const { login, laptop } = site;
      await site.route(false);
      const { jobId: job } = await login.json<SubmitDocument>(['submit', 'job.yaml']);
      await over(site, job);
      await site.route(true);
      for (const chunks of [15, 40]) {
        const stalled = site.relays[0].stallAfter(chunks);
        const victim = login.start(['advance', job]);
        const ended = new Promise((resolve) => victim.once('exit', resolve));
        await stalled;
        victim.kill('SIGKILL');
        await ended;
        await site.route(true);
        const seen = await laptop('status', job, '--json');
        expect([0, 4]).toContain(seen.code);
      }
      expect((await login.json<AdvanceDocument>(['advance', job])).carry).toMatchObject({ complete: true, tasks: 12 });
      await expectDoubles(laptop, job, ITEMS);
    }));

  it('carries a cancelled job, and doctor and gc say what is left', () =>
    withSite(
      async (site) => {
        const { login, laptop } = site;
        await site.route(false);
        const { jobId: job } = await login.json<SubmitDocument>(['submit', 'job.yaml']);
        const cancelled = await login.json<CancelDocument>(['cancel', job]);
        expect(cancelled.state).toBe('CANCELLED');
        expect(cancelled.carry?.problem).not.toBeNull();
        await site.route(true);
        const doctor = await login.json<DoctorDocument>(['doctor'], [0, 1, 5]);
        expect(doctor.checks.find(({ name }) => name === 'spool')).toMatchObject({
          verdict: 'warn',
          remedy: expect.stringContaining('tick'),
        });
        await login.json<TickDocument>(['tick']);
        expect((await laptop.json<StatusDocument>(['status', job])).job.state).toBe('CANCELLED');
        expect(
          (await login.json<GcDocument>(['gc', job, '--older-than', '0s', '--purge'])).removed.length,
        ).toBeGreaterThan(0);
        expect((await laptop('status', job)).code).toBe(4);
      },
      { ITEM_MS: '2000' },
    ));
});
