import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import {
  expectNothingWritten,
  expectRefusal,
  GOOD_JOB,
  openDirectory,
  type Refusal,
  type Room,
  runAsOrdinaryUser,
  withRoom,
} from '../support/refusal.ts';

beforeAll(() => compiledProject());

interface Case extends Omit<Refusal, 'exit'> {
  readonly what: string;
  /** Replaces `in.jsonl` in the job file. */
  readonly name?: string;
  readonly input: string | Uint8Array | ((room: Room) => void);
}

const binary = Uint8Array.from({ length: 4_096 }, (_, n) => (n * 37 + 11) % 256);
const manyNumbers = Array.from({ length: 5_000 }, (_, n) => `{"n":${n}}\n`).join('');

const CASES: readonly Case[] = [
  { what: 'an empty file', input: '', code: 'INPUT_EMPTY', says: ['in.jsonl has no records'] },
  { what: 'a file of empty lines', input: '\n\n\n', code: 'INPUT_EMPTY', says: ['in.jsonl has no records'] },
  {
    what: 'a missing file',
    input: ({ directory }) => rmSync(join(directory, 'in.jsonl')),
    code: 'CONFIG_INVALID',
    says: [/job\.yaml:2:15: input\.file: cannot read \S+\/in\.jsonl: there is no such file/],
  },
  {
    what: 'a directory',
    input: ({ directory }) => {
      rmSync(join(directory, 'in.jsonl'));
      mkdirSync(join(directory, 'in.jsonl'));
    },
    code: 'CONFIG_INVALID',
    says: [/job\.yaml:2:15: input\.file: found the directory \S+\/in\.jsonl, expected a file/],
  },
  { what: 'bytes that are no text', input: binary, code: 'INPUT_MALFORMED', says: ['in.jsonl: not text: byte 0x'] },
  {
    what: 'gzip data under a name without .gz',
    input: gzipSync('{"n":1}\n'),
    code: 'INPUT_MALFORMED',
    says: ['in.jsonl: not UTF-8 text: it begins like gzip data', 'hint: Give the file a name that ends in .gz'],
  },
  {
    what: 'text under the name of gzip data',
    name: 'in.jsonl.gz',
    input: '{"n":1}\n',
    code: 'INPUT_MALFORMED',
    says: ['in.jsonl.gz: broken gzip data after byte 0', 'gzip -t'],
  },
  {
    what: 'gzip data that is cut off',
    name: 'in.jsonl.gz',
    input: gzipSync(manyNumbers).subarray(0, 2_000),
    code: 'INPUT_MALFORMED',
    says: ['the file is cut off'],
  },
  {
    what: 'a Parquet file that is none',
    name: 'in.parquet',
    input: 'PAR1 and nothing else',
    code: 'INPUT_MALFORMED',
    says: ['in.parquet: cannot be read as Parquet'],
  },
  {
    what: 'a record that is not JSON, with its line and column',
    input: '{"n":1}\n{"n":2\n',
    code: 'INPUT_MALFORMED',
    says: [/^error: \S+\/in\.jsonl:2:7: found the end of the record, expected "," or "}"/, 'onBadRecord: fail-item'],
  },
  {
    what: 'ragged CSV, every line of it',
    name: 'in.csv',
    input: 'n,a\n1,2\n2\n3,4,5\n',
    code: 'INPUT_MALFORMED',
    says: ['in.csv:3: found 1 field, expected 2', 'in.csv:4: found 3 fields, expected 2'],
  },
  {
    what: 'an id that repeats, with both places',
    input: '{"n":1}\n{"n":2}\n\n{"n":1}\n',
    code: 'INPUT_DUPLICATE_ID',
    says: [/id "1" is at \S+\/in\.jsonl:1 and again at \S+\/in\.jsonl:4/],
  },
  {
    what: 'an id that is not there',
    input: '{"n":1}\n{"m":2}\n',
    code: 'INPUT_MALFORMED',
    says: ['in.jsonl:2: id field "n" is missing'],
  },
];

describe('an input that cannot be used is refused before anything is written', () => {
  it.each(CASES)('$what', ({ name = 'in.jsonl', input, code, says }) =>
    withRoom({ 'job.yaml': GOOD_JOB.replace('in.jsonl', name) }, async (room) => {
      if (typeof input === 'function') input(room);
      else writeFileSync(join(room.directory, name), input);
      expectRefusal(await room.cli('submit', 'job.yaml'), { exit: 2, code, says });
      await expectNothingWritten(room);
      const plan = await room.cli('plan', 'job.yaml');
      expect(plan.stderr).toContain(`[${code}]`);
    }),
  );

  it('says each thing once', () =>
    withRoom({ 'in.jsonl': '{"n":1}\n{"n":2\n' }, async ({ cli }) => {
      const { stderr } = await cli('submit', 'job.yaml');
      expect(stderr.match(/found the end of the record/g)).toHaveLength(1);
      expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    }));

  it('a file that may not be read', () =>
    withRoom({}, async (room) => {
      openDirectory(room.directory);
      chmodSync(join(room.directory, 'in.jsonl'), 0);
      expectRefusal(await runAsOrdinaryUser(room, 'submit', 'job.yaml'), {
        exit: 2,
        code: 'CONFIG_INVALID',
        says: [/job\.yaml:2:15: input\.file: cannot read \S+\/in\.jsonl: it may not be read \(permission denied\)/],
      });
      await expectNothingWritten(room);
    }));

  it('a pattern that matches no file', () =>
    withRoom({ 'job.yaml': GOOD_JOB.replace('{file: in.jsonl, id: n}', '{files: "img/**/*.png"}') }, async (room) => {
      expectRefusal(await room.cli('submit', 'job.yaml'), {
        exit: 2,
        code: 'INPUT_EMPTY',
        says: ['input.files "img/**/*.png" in', 'matches no file'],
      });
      await expectNothingWritten(room);
    }));

  it('a command that fails, with its own words', () =>
    withRoom(
      { 'job.yaml': GOOD_JOB.replace('{file: in.jsonl, id: n}', '{command: [ls, /no/such/place], format: txt}') },
      async (room) => {
        expectRefusal(await room.cli('submit', 'job.yaml'), {
          exit: 2,
          code: 'INPUT_COMMAND_FAILED',
          says: ['/no/such/place'],
        });
        expect((await room.cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
      },
    ));

  it('a mistake far behind the beginning leaves no job either', () =>
    withRoom({}, async (room) => {
      const long = 'x'.repeat(200);
      const lines = Array.from({ length: 40_000 }, (_, n) => `{"n":${n},"text":"${long}"}\n`);
      writeFileSync(join(room.directory, 'in.jsonl'), `${lines.join('')}{"n":\n`);
      const refused = await room.cli('submit', 'job.yaml', '--set', 'batch.items=5000', '--quiet');
      expectRefusal(refused, { exit: 2, code: 'INPUT_MALFORMED', says: ['in.jsonl:40001:6: '] });
      expect((await room.cli.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
      expect((await room.cli.json<{ removed: unknown[] }>(['gc'])).removed).toEqual([]);
    }));
});
