import { describe, expect, it } from 'vitest';
import { judgeGrowth } from '../../../../src/observe/health/judge-growth.ts';
import type { SpacePoint } from '../../../../src/ports/space-memory.ts';

const HOUR = 3_600_000;
const GIB = 1024 ** 3;
/** A look every six hours. */
const looks = (free: readonly (readonly [number, number | null])[]): SpacePoint[] =>
  free.map(([gib, freeInodes], n) => ({ atMs: n * 6 * HOUR, freeBytes: gib * GIB, freeInodes }));
const judge = (...free: readonly (readonly [number, number | null])[]) =>
  judgeGrowth([{ path: '/scratch/store', points: looks(free) }]);

describe('a file system that fills up', () => {
  it('is told with when it is full and what that goes by', () => {
    expect(judge([340, null], [320, null], [300, null])).toEqual([
      {
        check: 'filling',
        verdict: 'warn',
        jobId: null,
        found:
          'the file system of /scratch/store fills up: 300 GiB left, and none in about 3 d 18 h at the pace of the last 12 h',
        remedy: 'slurmctl gc --dry-run',
      },
    ]);
  });

  it.each([
    [
      [
        [600, null],
        [580, null],
        [560, null],
      ],
      [],
    ],
    [
      [
        [598, null],
        [578, null],
        [558, null],
      ],
      ['warn'],
    ],
    [
      [
        [122, null],
        [102, null],
        [81, null],
      ],
      ['fail'],
    ],
    [
      [
        [300, 9_000],
        [300, 8_000],
        [300, 7_000],
      ],
      ['warn'],
    ],
    [
      [
        [340, 3_000],
        [320, 2_000],
        [300, 1_000],
      ],
      ['fail'],
    ],
    [
      [
        [300, 9_000],
        [320, 9_000],
        [340, 9_000],
      ],
      [],
    ],
  ] as const)('%j', (free, verdicts) => {
    expect(judge(...free).map(({ verdict }) => verdict)).toEqual(verdicts);
  });

  it('is told by what ends first', () => {
    expect(judge([340, 3_000], [320, 2_000], [300, 1_000])[0]?.found).toContain('1000 inodes left');
  });
});
