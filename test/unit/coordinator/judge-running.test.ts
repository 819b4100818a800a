import { describe, expect, it } from 'vitest';
import type { AttemptId } from '../../../src/domain/ids.ts';
import { ENDING_MS, judgeReleased, judgeRunning, SILENT_MS } from '../../../src/coordinator/judge-running.ts';
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
    expect(judgeRunning(task, state, NOW)).toEqual({
      fate: 'gone',
      cause: 'oom',
      detail: 'OUT_OF_MEMORY on n2, signal 9',
    });
  });

  it('blames the worker when its element ended well without a commit', () => {
    const state = element({ phase: 'ended', cause: null, rawState: 'COMPLETED' });
    expect(judgeRunning(task, state, NOW)).toMatchObject({ fate: 'gone', cause: 'worker-error' });
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
    expect(judgeReleased(released, ended, NOW)).toEqual({
      fate: 'gone',
      cause: 'cancelled-by-user',
      detail: 'CANCELLED by 1000 on n2; told to stop',
    });
  });

  it('waits for its word while the element ends, but not for long', () => {
    expect(judgeReleased(released, element({}), NOW)).toEqual({ fate: 'unclear' });
    const late = judgeReleased(released, element({}), NOW + ENDING_MS);
    expect(late).toEqual({ fate: 'gone', cause: 'preempted', detail: 'told to stop' });
  });

  it.each([
    ['knows of no element', released, undefined],
    ['says that it ended well', released, element({ phase: 'ended' })],
    ['has requeued it', released, element({ phase: 'waiting', restarts: 1 })],
    ['names another cause than one the worker is sure of', { ...released, cause: 'time-limit' } as const, ended],
  ])('takes the worker at its word when the batch system %s', (_name, item, state) => {
    expect(judgeReleased(item, state, NOW)).toEqual({ fate: 'gone', cause: item.cause, detail: 'told to stop' });
  });
});
