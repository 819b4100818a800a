import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostLayout } from '../../../../src/backends/batch-system/local/layout.ts';
import {
  isHeld,
  lockPath,
  readHolder,
  releaseLock,
  SILENT_AFTER_MS,
  takeLock,
  type LockContext,
} from '../../../../src/backends/batch-system/local/lock.ts';
import { prepareHost } from '../../../../src/backends/batch-system/local/store-submission.ts';
import type { Host } from '../../../../src/ports/host.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const dead = new Set<string>();
const contextOf = (pid: number, onLook: () => void = () => {}, realm = '-boot-ns'): LockContext => {
  const host: Host = {
    hostname: 'h',
    processName: `h:${pid}:7${realm}`,
    mayBeAlive(name) {
      onLook();
      return !dead.has(name);
    },
    user: 'ada',
    cpuMs: () => 0,
    maxRssBytes: () => 0,
  };
  return { host, clock: { nowMs: () => Date.now() } };
};
const withLayout = (fn: (layout: ReturnType<typeof hostLayout>) => void): Promise<void> =>
  withTempDir((root) => {
    dead.clear();
    const layout = hostLayout(root, 'h');
    prepareHost(layout, () => '00000');
    fn(layout);
  });

describe('supervisor lock', () => {
  it('is one process’s until it is dead or steps down', () =>
    withLayout((layout) => {
      const [a, b, c] = [contextOf(1), contextOf(2), contextOf(3)];
      expect(takeLock(layout, a, 4, 'u')).toBe(1);
      expect(readHolder(layout)).toMatchObject({ process: a.host.processName, slots: 4 });
      expect(takeLock(layout, b, 4, 'u')).toBe(null);
      dead.add(a.host.processName);
      expect(isHeld(readHolder(layout), b)).toBe(false);
      expect(takeLock(layout, b, 4, 'u')).toBe(2);
      expect(takeLock(layout, c, 4, 'u')).toBe(null);
      expect(releaseLock(layout, 2, 4, 'u')).toBe(true);
      expect(isHeld(readHolder(layout), c)).toBe(false);
      expect(takeLock(layout, c, 4, 'u')).toBe(4);
      expect(readdirSync(layout.lock)).toEqual(['4']);
    }));

  it('goes to one of two that find the same dead holder', () =>
    withLayout((layout) => {
      const a = contextOf(1);
      takeLock(layout, a, 4, 'u');
      dead.add(a.host.processName);
      const winner = contextOf(2);
      // The slow one has judged the holder dead when the other takes the lock.
      let winners = 0;
      const slow = contextOf(3, () => {
        if (winners === 0 && takeLock(layout, winner, 4, 'w') !== null) winners += 1;
      });
      expect(takeLock(layout, slow, 4, 's')).toBe(null);
      expect(readHolder(layout)).toMatchObject({ process: winner.host.processName });
    }));

  it('does not go to one that stalled while several others held it in turn', () =>
    withLayout((layout) => {
      const a = contextOf(1);
      takeLock(layout, a, 4, 'u');
      dead.add(a.host.processName);
      const [second, third] = [contextOf(2), contextOf(3)];
      let stalled = true;
      const slow = contextOf(4, () => {
        if (!stalled) return;
        stalled = false;
        takeLock(layout, second, 4, 'x');
        dead.add(second.host.processName);
        takeLock(layout, third, 4, 'y');
      });
      expect(takeLock(layout, slow, 4, 's')).toBe(null);
      expect(readHolder(layout)).toMatchObject({ process: third.host.processName, generation: 3 });
      expect(readdirSync(layout.lock)).toEqual(['3']);
    }));

  it('is given up when its holder’s pid means nothing here and it is silent', () =>
    withLayout((layout) => {
      const elsewhere = contextOf(1, () => {}, '-boot-other');
      takeLock(layout, elsewhere, 4, 'u');
      const here = contextOf(2);
      expect(takeLock(layout, here, 4, 'u')).toBe(null);
      const silentSince = new Date(Date.now() - SILENT_AFTER_MS - 1_000);
      utimesSync(lockPath(layout, 1), silentSince, silentSince);
      expect(takeLock(layout, here, 4, 'u')).toBe(2);
    }));

  it('a silent holder whose pid lives here keeps it: a suspended machine is not a dead one', () =>
    withLayout((layout) => {
      takeLock(layout, contextOf(1), 4, 'u');
      const silentSince = new Date(Date.now() - 10 * SILENT_AFTER_MS);
      utimesSync(lockPath(layout, 1), silentSince, silentSince);
      expect(takeLock(layout, contextOf(2), 4, 'u')).toBe(null);
    }));

  it('is not disturbed by half-made files', () =>
    withLayout((layout) => {
      writeFileSync(join(layout.lock, '.9.u'), '');
      expect(readHolder(layout)).toBe(null);
      expect(takeLock(layout, contextOf(1), 4, 'u2')).toBe(1);
    }));
});
