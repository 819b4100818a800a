import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { afterTick } from '../../src/app/after-tick.ts';
import { alertList } from '../../src/app/alert-commands.ts';
import { createApp } from '../../src/app/create-app.ts';
import { requireMeta } from '../../src/coordinator/job-meta.ts';
import type { TickDocument } from '../../src/app/documents.ts';
import { openDrivers, createSurroundings } from '../../src/app/job-backends.ts';
import { sendWaiting, tellAfterPass } from '../../src/app/tell-pass.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { specHashOf } from '../../src/coordinator/manifests.ts';
import { asJobId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { dashboardKey, jobManifestKey } from '../../src/domain/keys.ts';
import { MANIFEST_SCHEMAS } from '../../src/domain/manifest.ts';
import { jobIndexKey, metaKey, outboxKey, rollupKey } from '../../src/domain/state-keys.ts';
import { withTempDir } from '../support/temp-dir.ts';

const JOB = asJobId('embed-7k3f9q2m');

/** A site whose settings are these, with one job that has ended as FAILED. */
async function createSite(root: string, settingsFile: string, isOwned = false) {
  writeFileSync(join(root, 'slurmctl.yaml'), settingsFile);
  const env = { PATH: process.env['PATH'], HOME: root };
  const flags = { home: join(root, 'home'), scheduler: 'local' };
  const settings = await loadSettings({ flags, env, cwd: root });
  const urls = {
    home: settings.home.value,
    store: settings.store.value,
    state: settings.state.value,
    queue: settings.queue.value,
  };
  const drivers = await openDrivers(createSurroundings(env), urls);
  const counts = { total: 2, pending: 0, submitted: 0, running: 0, wait: 0, done: 2, dead: 0, cancelled: 0 };
  const items = { total: 1_000, succeeded: 588, failed: 412, pending: 0 };
  const at = 1_700_000_000_000;
  const spec = {
    name: 'embed',
    baseDir: root,
    on: { ended: ['sh', 'hook.sh'], completed: ['sh', 'never.sh'] },
  } as unknown as JobSpec;
  const backends = { ...urls, scheduler: 'local' } as const;
  const specHash = specHashOf(spec, backends);
  const manifest = { schema: MANIFEST_SCHEMAS.job, spec, backends, specHash };
  if (isOwned) await drivers.store.put(jobManifestKey(JOB), JSON.stringify(manifest));
  const meta = {
    state: 'FAILED',
    stage: 'ready',
    name: 'embed',
    createdMs: at,
    updatedMs: at,
    finishedMs: at + 60_000,
  };
  const more = {
    generation: 0,
    specHash,
    scheduler: 'local',
    fence: 1,
    tasks: 2,
    items: 1_000,
    shards: 1,
    wave: 0,
    submittedWave: 0,
  };
  await drivers.state.createMany([
    {
      key: jobIndexKey(JOB),
      item: { name: 'embed', createdMs: at, live: false, ...(isOwned ? { user: drivers.host.user } : {}) },
    },
    { key: metaKey(JOB), item: { ...meta, ...more, ...(isOwned ? { tells: true } : {}) } },
    { key: rollupKey(JOB), item: { generation: 0, tasks: counts, items } },
  ]);
  return { drivers, alerting: settings.alerting, app: () => createApp({ flags, env, cwd: root }) };
}

const PAGER = 'channels: {pager: {command: [sh, page.sh]}}\nalerts: [{when: failed, to: pager}]\n';

describe('alerts of a site', () => {
  it('are tried with a message that is no job’s, and past the outbox', () =>
    withTempDir(async (root) => {
      const { app } = await createSite(root, PAGER);
      writeFileSync(join(root, 'page.sh'), 'cat > event.json; echo paged');
      const site = await app();
      expect(await site.alertTest('pager')).toEqual({
        schema: 'slurmctl.alert-test/1',
        channel: 'pager',
        to: 'the program sh',
        detail: 'paged',
      });
      expect(JSON.parse(readFileSync(join(root, 'event.json'), 'utf8'))).toMatchObject({ event: 'test' });
      expect((await site.alertList()).messages).toEqual([]);
      writeFileSync(join(root, 'page.sh'), 'echo no line >&2; exit 1');
      await expect(site.alertTest('pager')).rejects.toMatchObject({ code: 'ALERT_NOT_SENT', exitCode: 5 });
      await expect(site.alertTest('constructor')).rejects.toMatchObject({
        code: 'ALERT_NO_CHANNEL',
        message: 'found no channel "constructor" in the settings, only pager',
      });
    }));

  it('reach people once, and what a dead channel keeps is said by list and doctor, and sent when it works again', () =>
    withTempDir(async (root) => {
      const { drivers, alerting, app } = await createSite(root, PAGER);
      writeFileSync(join(root, 'page.sh'), 'echo no line >&2; exit 1');
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([
        `could not tell pager about failed of ${JOB}, tries again later: sh: ended with exit code 1: no line`,
      ]);
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([]);
      const site = await app();
      expect((await site.alertList()).messages).toMatchObject([
        {
          jobId: JOB,
          event: 'failed',
          to: 'pager',
          state: 'waiting',
          tries: 1,
          detail: 'sh: ended with exit code 1: no line',
        },
      ]);
      expect((await site.doctor()).checks).toContainEqual(
        expect.objectContaining({
          name: 'alerts',
          verdict: 'warn',
          found: 'the channel pager cannot be reached, 1 message waits: sh: ended with exit code 1: no line',
          remedy: 'More with: slurmctl alert test pager',
        }),
      );
      expect((await site.status(JOB)).undelivered).toMatchObject([
        {
          kind: 'message',
          to: 'pager',
          waiting: 1,
          givenUp: 0,
          tries: 1,
          error: 'sh: ended with exit code 1: no line',
        },
      ]);
      expect((await site.health()).findings).toContainEqual({
        check: 'undelivered',
        verdict: 'warn',
        jobId: null,
        found: expect.stringMatching(
          /^the channel pager cannot be reached, 1 message waits, for .*: sh: ended with exit/,
        ),
        remedy: 'slurmctl alert test pager',
      });
      writeFileSync(join(root, 'page.sh'), 'cat > event.json; echo paged');
      const elsewhere = { ...drivers, host: { ...drivers.host, hostname: 'another-host' } };
      expect(await sendWaiting(elsewhere, alerting)).toEqual([`told pager about failed of ${JOB}: paged`]);
      expect(JSON.parse(readFileSync(join(root, 'event.json'), 'utf8'))).toMatchObject({
        schema: 'slurmctl.alert/1',
        event: 'failed',
        job: { id: JOB, state: 'FAILED' },
        items: { failed: 412 },
        next: `slurmctl analyze-errors ${JOB}`,
      });
      expect(await sendWaiting(elsewhere, alerting)).toEqual([]);
      expect((await site.alertList()).messages).toMatchObject([{ state: 'sent', tries: 2 }]);
      expect((await site.status(JOB)).undelivered).toEqual([]);
      expect((await site.health()).findings.filter(({ check }) => check === 'undelivered')).toEqual([]);
    }));

  it('that nobody can send from here say why they wait', () =>
    withTempDir(async (root) => {
      const rules = 'channels: {pager: {command: [sh, page.sh]}}\nalerts: [{when: failed, to: [absent, pager]}]\n';
      const { drivers, alerting, app } = await createSite(root, rules);
      writeFileSync(join(root, 'page.sh'), 'exit 0');
      const others = { ...drivers, host: { ...drivers.host, user: 'bob' } };
      await tellAfterPass(drivers, alerting, { job: JOB });
      const { messages } = await (await app()).alertList();
      expect(messages.toSorted((a, b) => a.to.localeCompare(b.to))).toMatchObject([
        { to: 'absent', state: 'waiting', detail: 'the settings of this host have no such channel' },
        { to: 'pager', state: 'sent', detail: null },
      ]);
      const seenByOther = (await alertList(others, alerting)).messages.map(({ detail }) => detail);
      expect(new Set(seenByOther)).toEqual(new Set([`is sent by passes of ${drivers.host.user}`, null]));
    }));

  it('of a job file are those of whoever submitted it, and its hooks run as nobody else', () =>
    withTempDir(async (root) => {
      const hook = 'echo "$SLURMCTL_JOB $SLURMCTL_EVENT" >> hooks.txt; echo next one begins';
      writeFileSync(join(root, 'hook.sh'), hook);
      const { drivers, alerting } = await createSite(root, '', true);
      const stranger = { ...drivers, host: { ...drivers.host, user: 'somebody-else' } };
      expect(await tellAfterPass(stranger, alerting, { job: JOB })).toEqual([]);
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([
        `the hook on.ended of ${JOB} ran: next one begins`,
      ]);
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([]);
      expect(readFileSync(join(root, 'hooks.txt'), 'utf8')).toBe(`${JOB} ended\n`);
    }));

  it('and a bug over them, or an entry of another version, ends no pass that did its work', () =>
    withTempDir(async (root) => {
      const { drivers, alerting, app } = await createSite(root, PAGER);
      writeFileSync(join(root, 'page.sh'), 'echo paged');
      const { user } = drivers.host;
      await drivers.state.createMany([{ key: outboxKey(`${JOB}#of-tomorrow`), item: { user, state: 'waiting' } }]);
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([
        `told pager about failed of ${JOB}: paged`,
        `left 1 message in the outbox alone that this version cannot read: ${JOB}#of-tomorrow`,
      ]);
      const site = await app();
      expect((await site.alertList()).messages).toMatchObject([{ to: 'pager', state: 'sent' }]);
      expect((await site.status(JOB)).undelivered).toEqual([]);
      const broken = {
        ...drivers,
        state: { ...drivers.state, get: () => Promise.reject(new TypeError('rules is not iterable')) },
      };
      expect(await tellAfterPass(broken, alerting, { job: JOB })).toEqual([
        expect.stringMatching(
          /^alerts were left to the next pass: bug in slurmctl, please report it: TypeError: rules is not iterable \(at /,
        ),
        expect.stringMatching(/^left 1 message in the outbox alone/),
      ]);
    }));

  it('do not wait for the page of the job that ended', () =>
    withTempDir(async (root) => {
      const { drivers, alerting } = await createSite(root, PAGER);
      const page = drivers.store.localPath(dashboardKey(JOB)) ?? '';
      writeFileSync(join(root, 'page.sh'), `test -e '${page}' && echo late || echo in time`);
      const row = { jobId: JOB, state: 'FAILED', steps: ['ended'], problem: null } as const;
      const document = { schema: 'slurmctl.tick/1', jobs: [row] } as const;
      const passed = {
        owns: new Map([[String(JOB), drivers]]),
        metas: new Map([[String(JOB), await requireMeta(drivers.state, JOB)]]),
        alerting,
      };
      const told = await afterTick(drivers, document as unknown as TickDocument, passed);
      expect(told.notes).toEqual([expect.stringContaining('in time')]);
      expect(existsSync(page)).toBe(true);
    }));

  it('cost nothing where nobody wants to know', () =>
    withTempDir(async (root) => {
      const { drivers, alerting, app } = await createSite(root, 'channels: {pager: {command: [sh, page.sh]}}\n');
      expect(await tellAfterPass(drivers, alerting, { job: JOB })).toEqual([]);
      expect((await (await app()).alertList()).messages).toEqual([]);
    }));
});
