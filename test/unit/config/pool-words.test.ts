import { describe, expect, it } from 'vitest';
import { poolOfWords, type PoolWords } from '../../../src/config/pool-words.ts';
import { isAppError } from '../../../src/errors/app-error.ts';

const complaintsOf = (name: string, words: PoolWords): string[] => {
  try {
    poolOfWords(name, words, 60_000);
    return [];
  } catch (error) {
    if (!isAppError(error, 'USAGE')) throw error;
    return error.problems.map(({ place, message, hint }) =>
      [place === undefined ? [] : [place.file], message, hint === undefined ? [] : [hint]].flat().join(' | '),
    );
  }
};

describe('a pool as it is typed', () => {
  it('has slots and a lease', () => {
    expect(poolOfWords('db', { slots: '20', lease: '30s' }, 60_000)).toEqual({ slots: 20, leaseMs: 30_000 });
    expect(poolOfWords('db', { slots: '1000' }, 45_000)).toEqual({ slots: 1_000, leaseMs: 45_000 });
  });

  it.each([
    ['db', {}, 'found no slots, expected how many hold the pool at a time | Add --slots 20'],
    ['db', { slots: '0' }, '--slots 0 | slots: found 0, expected a whole number of at least 1'],
    ['db', { slots: '-5' }, '--slots -5 | slots: found -5, expected a whole number of at least 1'],
    ['db', { slots: '1001' }, '--slots 1001 | slots: found 1001, expected a whole number of at most 1000'],
    ['db', { slots: 'NaN' }, '--slots NaN | slots: found "NaN", expected a whole number from 1 to 1000'],
    ['db', { slots: '2', lease: '4s' }, '--lease 4s | lease: found "4s", expected at least 5 s'],
    ['db', { slots: '2', lease: '61m' }, '--lease 61m | lease: found "61m", expected at most 1 h'],
    [
      'db',
      { slots: '2', lease: '60' },
      '--lease 60 | lease: found 60, expected a duration with its unit, such as 30s, 10m, 1h30m or 2d | Add a unit: 60s, 60m',
    ],
    [
      'My DB',
      { slots: '2' },
      'My DB | name: found "My DB", expected the name of a pool: at most 63 lower-case letters, digits, - and _, beginning with a letter | Write my-db',
    ],
  ])('%s %j is refused', (name, words, complaint) => {
    expect(complaintsOf(name, words)).toEqual([complaint]);
  });

  it('may be a group of jobs, which has no lease', () => {
    expect(poolOfWords('group:nightly', { slots: '2' }, 60_000)).toEqual({ slots: 2, leaseMs: 60_000 });
    expect(complaintsOf('group:nightly', { slots: '2', lease: '60s' })).toEqual([
      '--lease 60s | found a lease for a group of jobs, expected none: a job keeps its turn until it is over | Leave --lease out',
    ]);
    expect(complaintsOf('group:Nightly', { slots: '2' }).join()).toContain('expected the name of a group');
  });

  it('is refused with every problem at once', () => {
    expect(complaintsOf('DB', { slots: 'x', lease: '1' })).toHaveLength(3);
  });
});
