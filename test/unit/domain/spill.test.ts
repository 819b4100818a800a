import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asAttemptId, asJobId, taskIdOf } from '../../../src/domain/ids.ts';
import {
  decodeSpill,
  SPILL_SCHEMA,
  spillKey,
  spillOfRecord,
  spillPrefix,
  type SpillId,
} from '../../../src/domain/spill.ts';

const ID: SpillId = { job: asJobId('job-00000000'), task: taskIdOf(3), attempt: asAttemptId('4711_3.0') };
const FILE = { key: 'k', sha256: 'a', bytes: 1 };
const RECORD = {
  schema: SPILL_SCHEMA,
  ...ID,
  generation: 0,
  win: { attempt: ID.attempt, sha256: 'd', rows: 2, succeeded: 1, failed: 1 },
  files: { results: FILE, part: FILE, log: null },
  node: 'n1',
  keptMs: 1,
  reason: 'STORE_UNAVAILABLE: gone',
};
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('the record of a spill', () => {
  it('is found by its key, and nothing else is', () => {
    expect(spillOfRecord(spillKey(ID, 'spill.json'))).toEqual(ID);
    for (const key of [spillKey(ID, 'done.json'), `x/${spillKey(ID, 'spill.json')}`, 'spill.json', 'a/b/c/spill.json'])
      expect(spillOfRecord(key), key).toBeNull();
    expect(spillPrefix(ID)).toBe('job-00000000/000003/4711_3.0/');
  });

  it('says what it was written with', () => {
    expect(decodeSpill(encode(RECORD), ID)).toEqual(RECORD);
  });

  it.each<[string, unknown, RegExp]>([
    ['another schema', { ...RECORD, schema: 'slurmctl.spill/2' }, /schema/],
    ['another task', { ...RECORD, task: '000004' }, /of task 000004/],
    ['another job', { ...RECORD, job: 'other-00000000' }, /of job other/],
    ['no commit', { ...RECORD, win: undefined }, /lacks a commit/],
    ['the commit of another attempt', { ...RECORD, win: { ...RECORD.win, attempt: '1_0.0' } }, /lacks a commit/],
    ['counts that are none', { ...RECORD, generation: '0' }, /lacks a commit/],
    ['no digests', { ...RECORD, files: {} }, /lacks digests/],
    ['null', null, /schema/],
    ['a list', [], /schema/],
  ])('with %s is refused', (_name, value, why) => {
    expect(decodeSpill(encode(value), ID)).toMatch(why);
  });

  it('of any other bytes is refused in words', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => typeof decodeSpill(bytes, ID) === 'string'));
    fc.assert(fc.property(fc.jsonValue(), (value) => typeof decodeSpill(encode(value), ID) === 'string'));
  });
});
