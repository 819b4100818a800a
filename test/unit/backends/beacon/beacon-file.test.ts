import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createBeacons } from '../../../../src/backends/beacon/index.ts';
import { asAttemptId, asJobId, taskIdOf } from '../../../../src/domain/ids.ts';
import { taskKey } from '../../../../src/domain/state-keys.ts';
import type { Beacon, BeaconReading, BeaconTask } from '../../../../src/ports/beacon.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const temp = makeTempDir('beacon');
afterAll(() => temp.remove());
let sequence = 0;
const newPath = (): string => join(temp.path, `beacon-${(sequence += 1)}`);
const beacons = createBeacons();
const create = (path: string): Beacon => beacons.create(path);
const read = (path: string): BeaconReading | null => beacons.read(path);

const JOB = asJobId('beacon-7k3f9q2m');
const taskOf = (number: number): BeaconTask => ({
  job: JOB,
  task: taskIdOf(number),
  key: taskKey(JOB, taskIdOf(number), 1),
  attempt: asAttemptId('12_3.0'),
  generation: 0,
  firstItem: number * 100,
});

describe('a beacon', () => {
  it('names the task and the items that had begun and not ended', () => {
    const path = newPath();
    const beacon = create(path);
    expect(read(path)).toBeNull();
    beacon.enter(taskOf(3));
    const first = beacon.begin(0);
    beacon.begin(17);
    beacon.begin(4);
    beacon.end(first);
    expect(read(path)).toEqual({ task: taskOf(3), inFlight: [4, 17], stuck: false });
    beacon.leave();
    expect(read(path)).toBeNull();
    beacon.close();
  });

  it('is not confused by an item of an earlier task that ends late', () => {
    const path = newPath();
    const beacon = create(path);
    beacon.enter(taskOf(1));
    const deaf = beacon.begin(9);
    beacon.leave();
    beacon.enter(taskOf(2));
    expect(read(path)?.inFlight).toEqual([]);
    beacon.begin(5);
    beacon.end(deaf);
    expect(read(path)).toMatchObject({ task: taskOf(2), inFlight: [5] });
    beacon.close();
  });

  it('tells a process that ended itself in the middle of a task from one that did between tasks', () => {
    const path = newPath();
    const beacon = create(path);
    expect(beacon.exiting(0)).toBe(false);
    beacon.enter(taskOf(1));
    beacon.begin(2);
    expect(beacon.exiting(0)).toBe(true);
    expect(read(path)).toMatchObject({ inFlight: [2], exitCode: 0 });
    beacon.enter(taskOf(2));
    expect(read(path)).not.toHaveProperty('exitCode');
    beacon.leave();
    expect(beacon.exiting(1)).toBe(false);
    beacon.close();
  });

  it('says nothing rather than something wrong once it cannot be written any more', () => {
    const path = newPath();
    const beacon = create(path);
    beacon.enter(taskOf(1));
    beacon.begin(1);
    beacon.enter({ ...taskOf(2), key: { partition: 'p', sort: 'x'.repeat(3_000) } });
    expect(read(path)).toBeNull();
    beacon.begin(2);
    expect(read(path)).toBeNull();
    beacon.close();
    expect(() => create(path)).toThrow(/EEXIST/);
  });

  it('reads nothing from files that are none, however they were cut', () => {
    const path = newPath();
    const beacon = create(path);
    beacon.enter(taskOf(1));
    beacon.begin(1);
    const whole = readFileSync(path);
    for (const bytes of [0, 3, 100, 2_047]) {
      truncateSync(path, bytes);
      expect(read(path)).toBeNull();
      writeFileSync(path, whole);
    }
    writeFileSync(path, Buffer.concat([Buffer.from([5, 0, 0, 0]), Buffer.from('"no"}'), Buffer.alloc(4_000)]));
    expect(read(path)).toBeNull();
    expect(read(join(temp.path, 'missing'))).toBeNull();
    beacon.close();
    closeSync(openSync(path, 'r'));
  });

  it('holds whatever is in flight, in any order of beginnings and ends', () => {
    const path = newPath();
    const beacon = create(path);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5_000)), { maxLength: 60 }), (steps) => {
        beacon.enter(taskOf(7));
        const running = new Map<number, number>();
        for (const [begins, item] of steps)
          if (begins) running.set(beacon.begin(item), item);
          else
            for (const token of [...running.keys()].slice(0, 1)) {
              beacon.end(token);
              running.delete(token);
            }
        expect(read(path)?.inFlight).toEqual([...new Set(running.values())].toSorted((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
    beacon.close();
  });
});
