import { chmodSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings, type SettingsOptions } from '../../../src/config/settings.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { asOrdinaryUser, openToOthers } from './as-ordinary-user.ts';
import { errorOf, lines, writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('settings');
openToOthers(temp.path);
afterAll(() => temp.remove());
let root = '';
let count = 0;
/** `<root>/project/sub` is the working directory, `<root>/me` the user's home. */
beforeEach(async () => {
  root = join(temp.path, `case-${(count += 1)}`);
  await mkdir(join(root, 'project/sub'), { recursive: true });
});

const settings = (options: Partial<SettingsOptions> = {}) =>
  loadSettings({
    flags: {},
    cwd: join(root, 'project/sub'),
    ...options,
    env: { HOME: join(root, 'me'), ...options.env },
  });
const problems = async (options: Partial<SettingsOptions> = {}) => {
  const error = await errorOf(settings(options));
  expect(error.code).toBe('CONFIG_INVALID');
  return lines(error.problems).map((line) => line.replaceAll(root, ''));
};

describe('defaults', () => {
  it('keep everything below .slurmctl in the working directory', async () => {
    const home = join(root, 'project/sub/.slurmctl');
    expect(await settings()).toEqual({
      home: { value: home, from: 'default' },
      store: { value: `file://${home}/objects`, from: 'default' },
      state: { value: `file://${home}/state`, from: 'default' },
      queue: { value: `file://${home}/queue`, from: 'default' },
      scheduler: { value: 'auto', from: 'default' },
      spool: { value: null, from: 'default' },
      profile: { value: null, from: 'default' },
      aws: [],
      alerting: { channels: {}, mail: { sendmail: '/usr/sbin/sendmail' }, rules: [] },
    });
  });

  it('find the nearest .slurmctl upwards, and only directories', async () => {
    await writeFiles(root, { 'project/sub/.slurmctl': 'a file', '.slurmctl/x': '' });
    expect((await settings()).home).toEqual({ value: join(root, '.slurmctl'), from: 'default' });
  });

  it('lie beside the job file, whatever lies above', async () => {
    await writeFiles(root, { 'project/.slurmctl/x': '' });
    const jobFileDir = join(root, 'project/jobs');
    expect((await settings({ jobFileDir })).home.value).toBe(join(jobFileDir, '.slurmctl'));
  });
});

describe('precedence', () => {
  const layers: [from: string, value: string][] = [
    ['flag --home', 'flag'],
    ['SLURMCTL_HOME', 'variable'],
    ['ROOT/project/slurmctl.yaml:5:7', 'project-profile'],
    ['user config ROOT/me/.config/slurmctl/config.yaml:4:7', 'user-profile'],
    ['ROOT/project/slurmctl.yaml:2:1', 'project'],
    ['user config ROOT/me/.config/slurmctl/config.yaml:2:1', 'user'],
  ];

  it.each(layers.map((layer, index) => [...layer, index] as const))(
    '%s wins over all after it',
    async (from, value, index) => {
      const has = (name: string) => layers.findIndex(([, each]) => each === name) >= index;
      const file = (who: string) =>
        `# settings\n${has(who) ? `home: /at/${who}` : '#'}\nprofiles:\n${who === 'project' ? '  other: {}\n' : ''}  p: {${has(`${who}-profile`) ? `home: /at/${who}-profile` : ''}}\n`;
      await writeFiles(root, {
        'project/slurmctl.yaml': file('project'),
        'me/.config/slurmctl/config.yaml': file('user'),
      });
      const found = await settings({
        flags: { profile: 'p', ...(has('flag') ? { home: '/at/flag' } : {}) },
        env: has('variable') ? { SLURMCTL_HOME: '/at/variable' } : {},
      });
      expect(found.home).toEqual({ value: `/at/${value}`, from: from.replace('ROOT', root) });
      expect(found.store.value).toBe(`file:///at/${value}/objects`);
    },
  );

  it('searches from the job file when there is one', async () => {
    await writeFiles(root, { 'jobs/slurmctl.yaml': 'scheduler: slurm', 'project/slurmctl.yaml': 'scheduler: local' });
    expect((await settings({ jobFileDir: join(root, 'jobs/deep') })).scheduler.value).toBe('slurm');
    expect((await settings()).scheduler.value).toBe('local');
  });

  it('takes a profile from the file itself, and from XDG_CONFIG_HOME', async () => {
    await writeFiles(root, { 'xdg/slurmctl/config.yaml': 'profile: p\nprofiles: {p: {scheduler: local}}' });
    const found = await settings({ env: { XDG_CONFIG_HOME: join(root, 'xdg') } });
    expect(found.profile).toEqual({ value: 'p', from: `user config ${root}/xdg/slurmctl/config.yaml:1:1` });
    expect(found.scheduler.value).toBe('local');
  });

  it('works without a home directory', async () => {
    const env = { HOME: undefined, SLURMCTL_SCHEDULER: '' };
    expect((await settings({ env })).scheduler).toEqual({ value: 'auto', from: 'default' });
  });
});

describe('directories', () => {
  it('start from where they are written', async () => {
    await writeFiles(root, { 'project/slurmctl.yaml': 'store: objects\nstate: ~/state here\nqueue: file:///q%20q' });
    const found = await settings({ flags: { home: '../h' } });
    expect([found.home.value, found.store.value, found.state.value, found.queue.value]).toEqual([
      join(root, 'project/h'),
      `file://${root}/project/objects`,
      `file://${root}/me/state%20here`,
      'file:///q%20q',
    ]);
  });
});

describe('problems', () => {
  it('come all at once, from flags, variables and both files', async () => {
    await writeFiles(root, {
      'project/slurmctl.yaml':
        'stor: x\nstore: s3://key:secret@bucket/x\nscheduler: pbs\nprofiles: {p: {hom: 1, profile: q}, q: 5}\n',
      'me/.config/slurmctl/config.yaml': 'state: dynamodb://table\nqueue: []\n',
    });
    expect(
      await problems({ flags: { home: '' }, env: { SLURMCTL_QUEUE: 'sqs://q', SLURMCTL_STATE: 'file://host/x' } }),
    ).toEqual([
      '--home home: found "", expected the path of a directory',
      'SLURMCTL_STATE state: found a file:// address that is none, expected a path, file:///absolute/path or dynamodb://table · Write three slashes: file:///scratch/me/jobs',
      '2:8 queue: found an empty list, expected a path, file:///absolute/path or sqs://queue',
      '1:1 stor: unknown key · Did you mean `store`?',
      '2:8 store: found a user name or password in the address · Leave credentials to the AWS environment variables, the shared credentials file or an instance role',
      '3:12 scheduler: found "pbs", expected auto or slurm or local · Use one of: auto, slurm, local',
      '4:16 profiles.p.hom: unknown key · Did you mean `home`?',
      '4:24 profiles.p.profile: unknown key · A profile cannot choose another one; aws.profile is a profile of the AWS files',
      '4:40 profiles.q: found 5, expected keys such as home, store, state',
    ]);
  });

  it('name the profiles there are', async () => {
    await writeFiles(root, {
      'project/slurmctl.yaml': 'profiles: {laptop: , cluster: {}}',
      'me/.config/slurmctl/config.yaml': 'profiles: {big: {}}',
    });
    expect(await problems({ env: { SLURMCTL_PROFILE: 'lapdop' } })).toEqual([
      'SLURMCTL_PROFILE profile: found "lapdop", expected one of laptop, cluster, big · Did you mean `laptop`?',
    ]);
    root = join(root, 'empty');
    expect((await problems({ flags: { profile: 'x' } }))[0]).toMatch(/but no settings file has profiles/);
  });

  it('in YAML have their line', async () => {
    await writeFiles(root, { 'project/slurmctl.yaml': 'home: /a\nhome: /b\n' });
    expect(await problems()).toEqual(['2:1 found the key `home` twice, first on line 1 · Keep one of the two']);
  });

  it('name a settings file that may not be read', async () => {
    await writeFiles(root, { 'project/slurmctl.yaml': '' });
    expect((await settings()).scheduler.value).toBe('auto');
    chmodSync(join(root, 'project/slurmctl.yaml'), 0);
    const error = await asOrdinaryUser(() => errorOf(settings()));
    expect([error.code, error.message]).toEqual([
      'CONFIG_NOT_FOUND',
      `${root}/project/slurmctl.yaml: it may not be read (permission denied)`,
    ]);
  });
});
