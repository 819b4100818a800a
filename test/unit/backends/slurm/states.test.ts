import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exitOfAccounting,
  exitOfQueue,
  type ExitStatus,
} from '../../../../src/backends/batch-system/slurm/exit-status.ts';
import { meaningOf } from '../../../../src/backends/batch-system/slurm/states.ts';
import { BATCH_WORDS, batchWord, cancelledBy } from '../../../../src/domain/batch-words.ts';
import { isCause } from '../../../../src/domain/causes.ts';

const meaning = (state: string, exit: ExitStatus = {}, reason?: string) =>
  meaningOf({ state, exit, reason, ownUid: 1000 });

describe('meaning of a state', () => {
  it.each([
    ['COMPLETED', { exitCode: 0 }, 'ended', null],
    ['COMPLETED', { exitCode: 1 }, 'ended', 'worker-error'],
    ['COMPLETED', {}, 'ended', 'unknown'],
    ['FAILED', { exitCode: 3 }, 'ended', 'worker-error'],
    ['FAILED', { exitCode: 0 }, 'ended', 'unknown'],
    ['FAILED', { exitCode: 137 }, 'ended', 'killed'],
    ['FAILED', { exitCode: 255 }, 'ended', 'worker-error'],
    ['FAILED', { signal: 9 }, 'ended', 'killed'],
    ['TIMEOUT', { signal: 15 }, 'ended', 'time-limit'],
    ['OUT_OF_MEMORY', { exitCode: 0 }, 'ended', 'oom'],
    ['NODE_FAIL', { exitCode: 0 }, 'ended', 'node-fail'],
    ['BOOT_FAIL', {}, 'ended', 'launch-failed'],
    ['PREEMPTED', {}, 'ended', 'preempted'],
    ['DEADLINE', {}, 'ended', 'deadline-missed'],
    ['REVOKED', {}, 'ended', 'unknown'],
    ['CANCELLED', { exitCode: 0 }, 'ended', 'cancelled-by-user'],
    ['CANCELLED by 1000', { exitCode: 0 }, 'ended', 'cancelled-by-user'],
    ['CANCELLED by 0', { exitCode: 0 }, 'ended', 'cancelled-by-admin'],
    ['CANCELLED+', { exitCode: 0 }, 'ended', 'cancelled-by-user'],
    ['COMPLETED+', { exitCode: 0 }, 'ended', null],
    ['OUT_OF_ME+', { exitCode: 0 }, 'ended', 'oom'],
    ['PENDING', {}, 'waiting', null],
    ['REQUEUED', {}, 'waiting', null],
    ['REQUEUE_HOLD', {}, 'waiting', null],
    ['SPECIAL_EXIT', {}, 'waiting', null],
    ['RUNNING', {}, 'running', null],
    ['COMPLETING', { exitCode: 0 }, 'running', null],
    ['SUSPENDED', {}, 'running', null],
    ['COMPLET+', { exitCode: 0 }, 'unknown', null],
    ['SHINY_NEW_STATE', { exitCode: 0 }, 'unknown', null],
    ['constructor', { exitCode: 0 }, 'unknown', null],
    ['', { exitCode: 0 }, 'unknown', null],
  ] as const)('%s with %j is %s, %s', (state, exit, phase, cause) => {
    expect(meaning(state, exit)).toEqual({ phase, cause });
  });

  it('takes a launch failure from the reason, except beside a signal', () => {
    expect(meaning('FAILED', { exitCode: 1 }, 'JobLaunchFailure').cause).toBe('launch-failed');
    expect(meaning('FAILED', { signal: 9 }, 'JobLaunchFailure').cause).toBe('killed');
  });

  it('is a good end only for COMPLETED with exit code 0, whatever else is said', () => {
    const state = fc.oneof(
      fc.constantFrom(...BATCH_WORDS),
      fc.string(),
      fc.constantFrom(...BATCH_WORDS).map((s) => `${s}+`),
    );
    const exit = fc.oneof(
      fc.constant({}),
      fc.nat(300).map((exitCode) => ({ exitCode })),
      fc.nat(64).map((signal) => ({ signal })),
    );
    fc.assert(
      fc.property(state, exit, fc.string(), (text, status, reason) => {
        const { phase, cause } = meaning(text, status, reason);
        if (cause !== null) expect(isCause(cause)).toBe(true);
        if (phase === 'ended' && cause === null) {
          expect([batchWord(text), status]).toEqual(['COMPLETED', { exitCode: 0 }]);
        }
        if (phase !== 'ended') expect(cause).toBeNull();
      }),
    );
  });

  it('knows every state of the manual pages of 21.08 to 25.x', () => {
    const manual =
      'BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PENDING PREEMPTED RUNNING ' +
      'RESV_DEL_HOLD REQUEUE_FED REQUEUE_HOLD REQUEUED RESIZING REVOKED SIGNALING SPECIAL_EXIT STAGE_OUT STOPPED SUSPENDED TIMEOUT ' +
      'LAUNCH_FAILED POWER_UP_NODE RECONFIG_FAIL UPDATE_DB EXPEDITING';
    expect(BATCH_WORDS.toSorted()).toEqual(manual.split(' ').toSorted());
  });
});

describe('exit status', () => {
  it('reads wait statuses and code:signal pairs', () => {
    expect(exitOfQueue('35072')).toEqual({ exitCode: 137 });
    expect(exitOfQueue('768')).toEqual({ exitCode: 3 });
    expect(exitOfQueue('0')).toEqual({ exitCode: 0 });
    expect(exitOfQueue('9')).toEqual({ signal: 9 });
    expect(exitOfQueue('139')).toEqual({ signal: 11 });
    expect(exitOfQueue('3:0')).toEqual({ exitCode: 3 });
    expect(exitOfQueue('4294967294')).toEqual({});
    expect(exitOfQueue('N/A')).toEqual({});
    expect(exitOfAccounting('0:9')).toEqual({ signal: 9 });
    expect(exitOfAccounting('9:0')).toEqual({ exitCode: 9 });
    expect(exitOfAccounting('')).toEqual({});
  });

  it('reads who cancelled', () => {
    expect(cancelledBy('CANCELLED by 1000')).toBe(1000);
    expect(cancelledBy('CANCELLED')).toBeNull();
    expect(cancelledBy('CANCELLED by root')).toBeNull();
  });
});
