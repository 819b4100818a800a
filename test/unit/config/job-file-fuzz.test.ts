import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { JOB_KEYS } from '../../../src/config/job-keys.ts';
import { loadJobFile } from '../../../src/config/job-file.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('fuzz');
afterAll(() => temp.remove());

/** What the load threw, or null; anything but an AppError with places is a bug. */
async function outcome(
  yaml: string | Uint8Array,
  overrides: Record<string, string> = {},
): Promise<'loaded' | AppError> {
  await writeFiles(temp.path, { 'job.yaml': yaml, 'in.jsonl': '', 'h.mjs': '' });
  try {
    await loadJobFile(join(temp.path, 'job.yaml'), { overrides, cwd: temp.path });
    return 'loaded';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.exitCode).toBe(2);
    for (const { place, message } of error.problems) {
      expect(place?.file).toBeTruthy();
      expect(message.length).toBeLessThan(700);
      expect(message).not.toMatch(/undefined|\[object/);
    }
    return error;
  }
}

const paths = Object.keys(JOB_KEYS);
/** Values that are right for some key, and values that are right for none. */
const value = fc.oneof(
  fc.constantFrom(...Object.values(JOB_KEYS).map((row) => row.example)),
  fc.constantFrom(
    'in.jsonl',
    'h.mjs',
    '{file: in.jsonl}',
    '{module: h.mjs}',
    '1e400',
    '-0',
    '0x1F',
    '!!binary aGk=',
    '&a [*a]',
    '*a',
    '~',
    '""',
    '[[]]',
    '{a: {b: c}}',
  ),
  fc.json({ maxDepth: 3 }),
  fc.string(),
);

describe('any text at all', () => {
  it('either loads or says what is wrong with it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => void (await outcome(text))),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => void (await outcome(bytes))),
      { numRuns: 100 },
    );
  });

  it('with the keys of a job file and any values', async () => {
    const lines = fc.array(fc.tuple(fc.constantFrom(...paths), value), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lines, async (rows) => {
        const yaml = [...new Set(rows.map(([path]) => path.split('.', 1)[0]))].map((section) => {
          const inner = rows.filter(([path]) => path.split('.', 1)[0] === section);
          const keys = inner.map(([path, text]) => {
            const [first = 'x', ...rest] = path.split('.').slice(1);
            return `  ${first}: ${rest.map((key) => `{${key}: `).join('')}${text}${'}'.repeat(rest.length)}\n`;
          });
          return `${section}:\n${keys.join('')}`;
        });
        await outcome(yaml.join(''));
      }),
      { numRuns: 500 },
    );
  });

  it('in a flag', async () => {
    const base = 'input: {file: in.jsonl}\nhandler: {module: h.mjs}\n';
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(...paths), fc.string()),
        value,
        async (key, text) => void (await outcome(base, { [key]: text })),
      ),
      { numRuns: 300 },
    );
  });
});
