import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/settings.ts';
import { catalogue } from '../../src/errors/catalogue.ts';
import { freshName, sharedAwsServer } from '../support/aws-resources.ts';
import { writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { fencesOf, typedIn } from '../support/markdown.ts';
import { withQuietDir } from '../support/live-processes.ts';
import { paste } from '../support/paste.ts';
import { SERVICES_ENV } from '../support/services-room.ts';
import { withTempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/operations/aws.md', import.meta.url)), 'utf8');
const FENCES = fencesOf(PAGE);
const SETTINGS = FENCES.filter(({ language }) => language === 'yaml').map(({ text }) => text);

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

describe('docs/operations/aws.md', () => {
  it('sets everything up with the lines that it shows', () =>
    withQuietDir(async (directory) => {
      const [fauxqs, dynamodb] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
      // Servers are shared with other tests; the page's names are not unique in the world either.
      const name = freshName();
      const settings = SETTINGS[0]?.replaceAll(/(s3|dynamodb|sqs):\/\/[\w-]+/g, `$1://${name}`) ?? '';
      writeFiles(directory, { 'slurmctl.yaml': settings });
      const env = {
        ...SERVICES_ENV,
        AWS_ENDPOINT_URL_S3: fauxqs,
        AWS_ENDPOINT_URL_SQS: fauxqs,
        AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
      };
      const lines = typedIn(FENCES);
      expect(lines.length).toBeGreaterThanOrEqual(5);
      const { code, output } = await paste(lines, { directory, compiled, env });
      expect(code, output).toBe(0);
      for (const kind of ['bucket', 'table', 'queue', 'dead letters']) expect(output).toMatch(`created  ${kind}`);
      expect(output).toMatch(/succeeded +4|4 of 4/);
      expect(output).toMatch(new RegExp(`s3://${name}/slurmctl/jobs/.*/results\\.parquet`));
    }));

  it.each(SETTINGS)('shows settings that are accepted: %s', (text) =>
    withTempDir(async (directory) => {
      writeFiles(directory, { 'slurmctl.yaml': text });
      const { store } = await loadSettings({ flags: {}, env: { HOME: directory }, cwd: directory });
      expect(store.value).toMatch(/^s3:\/\//);
      expect(store.from).toContain(join(directory, 'slurmctl.yaml'));
    }),
  );

  it('says what to do about every error of a service', () => {
    const codes = Object.keys(catalogue).filter((code) => /^(AWS|STORE|STATE|QUEUE)_|^JOB_SPOOLED$/.test(code));
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !PAGE.includes(`\`${code}\``))).toEqual([]);
  });
});
