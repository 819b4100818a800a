import { describe, expect, it } from 'vitest';
import type { AttemptId } from '../../../src/domain/ids.ts';
import {
  ENDING_MS,
  judgeReleased,
  judgeRunning,
  SILENT_MS,
  STALLED_AGAIN_MS,
  STALLED_MS,
} from '../../../src/coordinator/judge-running.ts';
import type { ElementState } from '../../../src/ports/batch-system.ts';

const NOW = 1_000_000_000;
const task = { owner: '4711_3.0' as AttemptId, heartbeatMs: NOW - 1_000 };
const element = (over: Partial<ElementState>): ElementState => ({
  id: '4711',
  index: 3,
  phase: 'running',
  cause: null,
  rawState: 'RUNNING',
  ...over,
});

describe('judgeRunning', () => {
  it.each([
    ['runs', element({})],
    ['is requeued in name only, by a restart the owner is', element({ phase: 'waiting', restarts: 0 })],
  ])('leaves an owner alone whose element %s', (_name, state) => {
    expect(judgeRunning(task, state, NOW).fate).toBe('alive');
  });

  it('does not blame an owner whose element was restarted and then ended well', () => {
    const state = element({ phase: 'ended', rawState: 'COMPLETED', restarts: 2 });
    expect(judgeRunning(task, state, NOW)).toMatchObject({ cause: 'requeued', detail: 'COMPLETED after 2 restarts' });
  });

  it('names the cause the batch system gives', () => {
    const state = element({ phase: 'ended', cause: 'oom', rawState: 'OUT_OF_MEMORY', node: 'n2', signal: 9 });
    expect(judgeRunning(task, state, NOW)).toMatchObject({
      fate: 'gone',
      cause: 'oom',
      detail: 'OUT_OF_MEMORY on n2, signal 9',
    });
  });

  it('blames the worker when its element ended well without a commit', () => {
    const state = element({ phase: 'ended', cause: null, rawState: 'COMPLETED' });
    expect(judgeRunning(task, state, NOW)).toMatchObject({ fate: 'gone', cause: 'worker-error' });
  });

  describe('of an owner that is silent while its element runs', () => {
    const heartbeatMs = NOW - STALLED_MS;
    const stalled = { ...task, heartbeatMs, stalled: { heartbeatMs, seenMs: NOW - STALLED_AGAIN_MS } };

    it('has it looked at again before it is given up', () => {
      expect(judgeRunning({ ...task, heartbeatMs: heartbeatMs + 1 }, element({}), NOW).fate).toBe('alive');
      expect(judgeRunning({ ...task, heartbeatMs }, element({}), NOW).fate).toBe('stalled');
      const { seenMs } = stalled.stalled;
      const justSeen = { ...stalled, stalled: { heartbeatMs, seenMs: seenMs + 1 } };
      expect(judgeRunning(justSeen, element({}), NOW).fate).toBe('unclear');
      expect(judgeRunning(stalled, element({}), NOW)).toMatchObject({ fate: 'gone', cause: 'hung', isStuck: true });
    });

    it('forgets what it noted when a heartbeat came since', () => {
      const beat = { ...stalled, heartbeatMs: heartbeatMs - 1 };
      expect(judgeRunning(beat, element({}), NOW).fate).toBe('stalled');
    });

    it('leaves it alone while the element is suspended, and does not blame it when the element was restarted', () => {
      expect(judgeRunning(stalled, element({ rawState: 'SUSPENDED' }), NOW).fate).toBe('alive');
      expect(judgeRunning(stalled, element({ restarts: 1 }), NOW)).toMatchObject({ cause: 'requeued' });
      expect(judgeRunning(stalled, element({ restarts: 1 }), NOW)).not.toHaveProperty('isStuck');
    });

    it('knows why its element was cancelled', () => {
      const cancelled = element({ phase: 'ended', cause: 'cancelled-by-user', rawState: 'CANCELLED by 1000' });
      expect(judgeRunning(stalled, cancelled, NOW)).toMatchObject({ cause: 'hung' });
      expect(judgeRunning(task, cancelled, NOW)).toMatchObject({ cause: 'cancelled-by-user' });
      expect(judgeRunning(stalled, { ...cancelled, cause: 'oom' }, NOW)).toMatchObject({ cause: 'oom' });
    });
  });

  it('does not blame an owner for the end of a later run of its element', () => {
    const state = element({ phase: 'ended', cause: 'killed', rawState: 'FAILED', signal: 9, restarts: 2 });
    expect(judgeRunning(task, state, NOW)).toMatchObject({
      cause: 'requeued',
      detail: 'FAILED, signal 9 after 2 restarts',
    });
    expect(judgeRunning(task, state, NOW)).not.toHaveProperty('signal');
  });

  it('sees that a requeued element waits under a higher restart count', () => {
    const state = element({ phase: 'waiting', restarts: 1, rawState: 'PENDING' });
    expect(judgeRunning(task, state, NOW)).toMatchObject({ fate: 'gone', cause: 'requeued' });
  });

  it.each([
    ['nobody knows', undefined],
    ['is unknown', element({ phase: 'unknown', rawState: '' })],
  ])('concludes nothing from an element that %s while heartbeats come', (_name, state) => {
    expect(judgeRunning(task, state, NOW).fate).toBe('unclear');
    const silent = { ...task, heartbeatMs: NOW - SILENT_MS };
    expect(judgeRunning(silent, state, NOW)).toMatchObject({ fate: 'gone', cause: 'lost' });
  });
});

describe('judgeReleased', () => {
  const released = { ...task, cause: 'preempted', causeDetail: 'told to stop' } as const;
  const ended = element({ phase: 'ended', cause: 'cancelled-by-user', rawState: 'CANCELLED by 1000', node: 'n2' });

  it('believes the batch system about who sent SIGTERM', () => {
    expect(judgeReleased(released, ended, NOW)).toMatchObject({
      fate: 'gone',
      cause: 'cancelled-by-user',
      detail: 'CANCELLED by 1000 on n2; told to stop',
    });
  });

  it('waits for its word while the element ends, but not for long', () => {
    expect(judgeReleased(released, element({}), NOW)).toEqual({ fate: 'unclear' });
    const late = judgeReleased(released, element({}), NOW + ENDING_MS);
    expect(late).toMatchObject({ fate: 'gone', cause: 'preempted', detail: 'told to stop' });
  });

  it('takes items that were left for what they are: nobody died, and the exit code is that of an item', () => {
    const left = {
      ...task,
      cause: 'killed',
      causeDetail: 'ExitError: exit 137 (items left: 4)',
      exitCode: 137,
      deferred: { items: 4, dueMs: NOW + 5_000 },
    } as const;
    const expected = {
      fate: 'gone',
      cause: 'killed',
      detail: 'ExitError: exit 137 (items left: 4)',
      said: 'ExitError: exit 137',
      died: false,
      isReported: true,
      exitCode: 137,
      notBeforeMs: NOW + 5_000,
    };
    expect(judgeReleased(left, element({}), NOW)).toEqual(expected);
    expect(judgeReleased(left, ended, NOW)).toEqual(expected);
  });

  it('does not take the end of a later run for the end of this one', () => {
    const later = { ...ended, restarts: 3 };
    expect(judgeReleased(released, later, NOW)).toMatchObject({ cause: 'preempted', detail: 'told to stop' });
    const killed = { ...released, cause: 'killed', signal: 9 } as const;
    expect(judgeReleased(killed, later, NOW)).toMatchObject({ cause: 'requeued' });
  });

  it.each([
    ['knows of no element', released, undefined],
    ['says that it ended well', released, element({ phase: 'ended' })],
    ['has requeued it', released, element({ phase: 'waiting', restarts: 1 })],
    ['names another cause than one the worker is sure of', { ...released, cause: 'time-limit' } as const, ended],
  ])('takes the worker at its word when the batch system %s', (_name, item, state) => {
    expect(judgeReleased(item, state, NOW)).toMatchObject({ fate: 'gone', cause: item.cause, detail: 'told to stop' });
  });
});

describe('judgeReleased of a worker that was killed', () => {
  const killed = { ...task, cause: 'killed', causeDetail: 'SIGKILL', signal: 9 } as const;

  it('believes the batch system when it knows who did it', () => {
    const oom = element({ phase: 'ended', cause: 'oom', rawState: 'OUT_OF_MEMORY', node: 'n2' });
    expect(judgeReleased(killed, oom, NOW)).toMatchObject({
      cause: 'oom',
      detail: 'OUT_OF_MEMORY on n2; SIGKILL',
      died: true,
      signal: 9,
      batchState: 'OUT_OF_MEMORY',
    });
    expect(judgeReleased(killed, element({ restarts: 1 }), NOW)).toMatchObject({ cause: 'requeued' });
  });

  it('waits for its word, but not for long', () => {
    for (const phase of ['running', 'unknown'] as const) {
      expect(judgeReleased(killed, element({ phase }), NOW).fate).toBe('unclear');
      expect(judgeReleased(killed, element({ phase }), NOW + ENDING_MS)).toMatchObject({ cause: 'killed', died: true });
    }
  });

  it('keeps its own word when the batch system says less', () => {
    const failed = element({ phase: 'ended', cause: 'worker-error', rawState: 'FAILED', exitCode: 137 });
    expect(judgeReleased(killed, failed, NOW)).toMatchObject({ cause: 'killed', detail: 'SIGKILL' });
    expect(judgeReleased(killed, undefined, NOW)).toMatchObject({ cause: 'killed' });
  });
});
