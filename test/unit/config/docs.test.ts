import { writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { criteriaOf } from '../../../src/app/retry-criteria.ts';
import { GROUP_EXAMPLE } from '../../../src/cli/docs/error-groups-example.ts';
import { RULES_EXAMPLE, renderFailureDocs } from '../../../src/cli/docs/render-failures.ts';
import { JOB_FILE_EXAMPLE, renderJobFileDocs, renderSettingsDocs, SETTINGS_EXAMPLE } from '../../../src/config/docs.ts';
import { loadJobFile } from '../../../src/config/job-file.ts';
import { JOB_KEYS } from '../../../src/config/job-keys.ts';
import { renderJobFileSchema } from '../../../src/config/json-schema.ts';
import { readYaml } from '../../../src/config/read-yaml.ts';
import { createReader } from '../../../src/config/reader.ts';
import { loadSettings } from '../../../src/config/settings.ts';
import { profileKeys, settingsKeys } from '../../../src/config/settings-keys.ts';
import type { KeyTable } from '../../../src/config/key-table.ts';
import { BUILTIN_RULES } from '../../../src/domain/builtin-rules.ts';
import { effectiveRules } from '../../../src/domain/builtin-rules.ts';
import { CAUSES } from '../../../src/domain/causes.ts';
import { templateOf } from '../../../src/domain/fingerprint.ts';
import { matchRule } from '../../../src/domain/match-rule.ts';
import type { Problem } from '../../../src/errors/app-error.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('docs');
afterAll(() => temp.remove());

/** The file with only this key in it, as the documentation shows it. */
function yamlOf(path: string, example: string): string {
  const parts = path.split('.');
  return `${parts.map((part, depth) => `${'  '.repeat(depth)}${part}:`).join('\n')} ${example}\n`;
}

describe.each<[string, KeyTable]>([
  ['job file', JOB_KEYS],
  ['settings', { ...settingsKeys('/home/me'), ...profileKeys() }],
])('the key table of the %s', (_name, table) => {
  it.each(Object.entries(table))('%s has an example and a default that it accepts, and words', (key, row) => {
    const problems: Problem[] = [];
    const { root, problems: wrong } = readYaml({ text: yamlOf(key, row.example), name: 'example', dir: '/' });
    expect(wrong).toEqual([]);
    const reader = createReader({ root, table, start: { file: 'example' }, problems });
    expect(reader.read(key)).toBeDefined();
    expect(problems).toEqual([]);
    // A default that does not fit its type throws.
    const empty = createReader({ root: null, table, start: { file: 'example' }, problems });
    expect(empty.read(key) === undefined).toBe(row.kind === 'optional');
    expect(row.meaning).toMatch(/^\S.*\.$/);
  });
});

describe('docs/job-file.md', () => {
  const page = renderJobFileDocs();

  it('has a row for every key, with its default', () => {
    for (const [key, row] of Object.entries(JOB_KEYS)) {
      const line = page.split('\n').find((each) => each.startsWith(`| \`${key}\` |`));
      expect(line, key).toContain(row.kind === 'defaulted' ? `\`${row.default}\`` : row.without);
    }
  });

  it('has tables whose rows have five cells', () => {
    for (const line of page.split('\n').filter((each) => each.startsWith('|')))
      expect(line.replaceAll('\\|', '').match(/\|/g)).toHaveLength(6);
  });

  it('has an example that loads', async () => {
    await writeFiles(temp.path, { 'job.yaml': JOB_FILE_EXAMPLE, 'data/abstracts.jsonl': '', 'handler.mjs': '' });
    const { spec, warnings } = await loadJobFile(`${temp.path}/job.yaml`);
    expect([spec.name, warnings]).toEqual(['embed-abstracts', []]);
    expect(page).toContain(JOB_FILE_EXAMPLE.trimEnd());
  });
});

describe('docs/failures.md', () => {
  it('has rules that load', async () => {
    await writeFiles(temp.path, { 'rules.yaml': RULES_EXAMPLE, 'items.jsonl': '' });
    await writeFile(`${temp.path}/score`, '', { mode: 0o755 });
    const { spec, warnings } = await loadJobFile(`${temp.path}/rules.yaml`);
    expect([spec.retry.rules?.length, warnings]).toEqual([5, []]);
    expect(renderFailureDocs(CAUSES)).toContain(RULES_EXAMPLE.trimEnd());
  });

  it('has a group of failures whose rule loads and matches, and whose command is one', async () => {
    const { remedy, sample, fingerprints } = GROUP_EXAMPLE;
    const rules = `input: {file: items.jsonl}\nhandler: {command: [./score]}\nretry:\n  rules:\n    - ${remedy.rule}\n`;
    await writeFiles(temp.path, { 'rule.yaml': rules, 'items.jsonl': '' });
    await writeFile(`${temp.path}/score`, '', { mode: 0o755 });
    const { spec } = await loadJobFile(`${temp.path}/rule.yaml`);
    const { message, errorClass } = sample;
    const facts = { cause: 'handler-error', message, errorClass: errorClass ?? '' } as const;
    expect(matchRule(effectiveRules(spec.retry), facts).name).toBe('rule 1 (rule.yaml:5)');
    const error = /^slurmctl retry \S+ --error (\w+)$/.exec(remedy.command ?? '')?.[1];
    expect(criteriaOf({ error: error ?? '' }).fingerprints).toEqual([fingerprints[0]?.fingerprint]);
    expect(templateOf(message)).toBe(GROUP_EXAMPLE.title.replace('LicenceError: ', ''));
    expect(renderFailureDocs(CAUSES)).toContain(`- ${remedy.rule}`);
  });

  it('explains every cause and has every built-in rule', () => {
    const page = renderFailureDocs(CAUSES);
    for (const [cause, { explanation }] of Object.entries(CAUSES))
      expect(page).toContain(`| \`${cause}\` | ${explanation} |`);
    const rules = page.slice(page.indexOf('## Rules'), page.indexOf('`slurmctl plan'));
    expect(rules.match(/^\d+\. .+: .+$/gm)).toHaveLength(BUILTIN_RULES.length);
  });
});

describe('docs/settings.md', () => {
  it('has a row for every key and an example that loads', async () => {
    const page = renderSettingsDocs();
    for (const key of [...Object.keys(settingsKeys(undefined)), ...Object.keys(profileKeys())])
      expect(page).toContain(`| \`${key}\` |`);
    expect(page).toContain(SETTINGS_EXAMPLE.trimEnd());
    await writeFiles(temp.path, { 'slurmctl.yaml': SETTINGS_EXAMPLE });
    const settings = await loadSettings({ flags: { profile: 'laptop' }, env: { HOME: '/home/me' }, cwd: temp.path });
    expect([settings.home.value, settings.scheduler.value]).toEqual(['/home/me/slurmctl', 'local']);
  });
});

describe('the JSON schema', () => {
  it('has every key in its place', () => {
    const schema = renderJobFileSchema();
    for (const path of Object.keys(JOB_KEYS)) {
      const found = path.split('.').reduce<unknown>((at, part) => {
        const node = at as
          | { properties?: Record<string, unknown>; anyOf?: { properties?: Record<string, unknown> }[] }
          | undefined;
        const properties = node?.properties ?? node?.anyOf?.find((each) => each.properties !== undefined)?.properties;
        return properties?.[part];
      }, schema);
      expect(found, path).toMatchObject({ description: expect.any(String) });
    }
  });
});
