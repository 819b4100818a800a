import { describe, expect, it } from 'vitest';
import { createBeside } from '../../../src/app/beside.ts';

const joined = (earlier: readonly string[], later: readonly string[]) => [...earlier, ...later];

describe('work beside a loop', () => {
  it('is done one piece at a time; what is asked for meanwhile is joined', async () => {
    const done: (readonly string[])[] = [];
    const ends: (() => void)[] = [];
    const beside = createBeside<readonly string[]>(async (wanted) => {
      await new Promise<void>((resolve) => ends.push(resolve));
      done.push(wanted);
    }, joined);
    beside.ask(['a']);
    beside.ask(['b']);
    beside.ask(['c']);
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await expect.poll(() => ends.length).toBe(2);
    expect(done).toEqual([['a']]);
    ends[1]?.();
    await beside.settled();
    expect(done).toEqual([['a'], ['b', 'c']]);
    beside.ask(['d']);
    ends[2]?.();
    await beside.settled();
    expect(done).toHaveLength(3);
  });

  it('that fails says so to whoever asks next, and at the end', async () => {
    const beside = createBeside<string>(
      async (wanted) => {
        throw new Error(`a bug in ${wanted}`);
      },
      (_, later) => later,
    );
    beside.ask('a');
    await expect(beside.settled()).rejects.toThrow('a bug in a');
    expect(() => beside.ask('b')).toThrow('a bug in a');
  });

  it('has nothing to wait for when nothing was asked for', async () => {
    await createBeside<string>(
      async () => undefined,
      (_, later) => later,
    ).settled();
  });
});
