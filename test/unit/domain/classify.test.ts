import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_WORDS } from '../../../src/domain/batch-words.ts';
import { CAUSE_NAMES, CAUSES, isCause, type Cause } from '../../../src/domain/causes.ts';
import { classify, type EndFacts } from '../../../src/domain/classify.ts';

const said = (message: string, errorClass = 'Error'): EndFacts => ({ errorClass, message });
const STEPD = 'slurmstepd-n1: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-21T07:00:00 DUE TO';

const TABLE: readonly (readonly [EndFacts, Cause])[] = [
  // The batch system's definite word decides, whatever else is known.
  [{ batchState: 'OUT_OF_MEMORY', exitCode: 1 }, 'oom'],
  [{ batchState: 'OUT_OF_ME+', signal: 9 }, 'oom'],
  [{ batchState: 'TIMEOUT', signal: 15, message: 'MemoryError' }, 'time-limit'],
  [{ batchState: 'NODE_FAIL', exitCode: 0 }, 'node-fail'],
  [{ batchState: 'PREEMPTED', signal: 15 }, 'preempted'],
  [{ batchState: 'DEADLINE' }, 'deadline-missed'],
  [{ batchState: 'BOOT_FAIL' }, 'launch-failed'],
  [{ batchState: 'LAUNCH_FAILED' }, 'launch-failed'],
  [{ batchState: 'REVOKED' }, 'unknown'],
  [{ batchState: 'UNKNOWN' }, 'lost'],
  [{ batchState: 'RUNNING' }, 'hung'],
  [{ batchState: 'SUSPENDED' }, 'hung'],
  [{ batchState: 'REQUEUED' }, 'requeued'],
  [{ batchState: 'PENDING' }, 'requeued'],
  // Who cancelled.
  [{ batchState: 'CANCELLED by 1000', ownUid: 1000 }, 'cancelled-by-user'],
  [{ batchState: 'CANCELLED by 0', ownUid: 1000 }, 'cancelled-by-admin'],
  [{ batchState: 'CANCELLED by 0', ownUid: 0 }, 'cancelled-by-user'],
  [{ batchState: 'CANCELLED', ownUid: 1000 }, 'cancelled-by-user'],
  [{ batchState: 'CANCELLED by 0' }, 'cancelled-by-user'],
  // Exits and signals.
  [{ batchState: 'FAILED', exitCode: 3 }, 'worker-error'],
  [{ batchState: 'FAILED', exitCode: 137 }, 'killed'],
  [{ batchState: 'FAILED', exitCode: 192 }, 'killed'],
  [{ batchState: 'FAILED', exitCode: 193 }, 'worker-error'],
  [{ batchState: 'FAILED', exitCode: 128 }, 'worker-error'],
  [{ batchState: 'FAILED', signal: 9 }, 'killed'],
  [{ batchState: 'FAILED', exitCode: 0 }, 'unknown'],
  [{ batchState: 'FAILED' }, 'unknown'],
  [{ batchState: 'FAILED', exitCode: 1, batchReason: 'JobLaunchFailure' }, 'launch-failed'],
  [{ batchState: 'FAILED', signal: 9, batchReason: 'JobLaunchFailure' }, 'killed'],
  [{ batchState: 'COMPLETED', exitCode: 0 }, 'worker-error'],
  [{ batchState: 'COMPLETED' }, 'unknown'],
  [{ batchState: 'SHINY_NEW_STATE', exitCode: 2 }, 'worker-error'],
  [{ exitCode: 1 }, 'worker-error'],
  [{ exitCode: 137 }, 'killed'],
  [{ signal: 11 }, 'killed'],
  [{}, 'unknown'],
  // Exit 137 and SIGKILL are memory only together with evidence.
  [{ batchState: 'FAILED', exitCode: 137, message: 'oom-kill event in StepId=12.batch' }, 'oom'],
  [{ exitCode: 137, message: 'Memory cgroup out of memory: Killed process 4711 (python3)' }, 'oom'],
  [{ exitCode: 137, errorClass: 'ExitError', message: 'exit 137: Killed' }, 'killed'],
  [{ signal: 9, errorClass: 'SignalError', message: 'killed by SIGKILL (out of memory?)' }, 'killed'],
  // Memory.
  [said('MemoryError: Unable to allocate 4.00 GiB for an array'), 'oom'],
  [said('', 'MemoryError'), 'oom'],
  [said('numpy.core._exceptions._ArrayMemoryError: Unable to allocate'), 'oom'],
  [said('FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'), 'oom'],
  [said('torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB'), 'oom'],
  [said("terminate called after throwing an instance of 'std::bad_alloc'"), 'oom'],
  [said('java.lang.OutOfMemoryError: Java heap space'), 'oom'],
  [said('Array buffer allocation failed', 'RangeError'), 'oom'],
  [said('Error: cannot allocate vector of size 7.5 Gb'), 'oom'],
  [said('spawn ENOMEM'), 'oom'],
  [said('fork: Cannot allocate memory'), 'oom'],
  [said('slurmstepd: error: Exceeded job memory limit'), 'oom'],
  // Disks.
  [said('ENOSPC: no space left on device, write'), 'disk-full'],
  [said("[Errno 28] No space left on device: '/scratch/x'", 'OSError'), 'disk-full'],
  [said('[Errno 122] Disk quota exceeded'), 'disk-full'],
  [said('EDQUOT: disk quota exceeded, open'), 'disk-full'],
  [said('database or disk is full', 'SqliteError'), 'disk-full'],
  [said('no space left while writing /x', 'SCRATCH_FULL'), 'disk-full'],
  // Services that refuse.
  [said('Request failed with status code 429', 'AxiosError'), 'rate-limited'],
  [said('HTTP 429'), 'rate-limited'],
  [said('429 Too Many Requests'), 'rate-limited'],
  [said('status: 429'), 'rate-limited'],
  [said('slow down', 'RateLimitError'), 'rate-limited'],
  [said('Rate limit reached for requests'), 'rate-limited'],
  [said('Rate exceeded', 'ThrottlingException'), 'rate-limited'],
  [said('the request was throttled'), 'rate-limited'],
  [said('Please reduce your request rate.', 'SlowDown'), 'rate-limited'],
  [said('x', 'ProvisionedThroughputExceededException'), 'rate-limited'],
  [said('x', 'TooManyRequestsException'), 'rate-limited'],
  // Words slurmstepd leaves in the output.
  [{ exitCode: 143, message: `${STEPD} TIME LIMIT ***` }, 'time-limit'],
  [{ signal: 15, message: `${STEPD} PREEMPTION ***` }, 'preempted'],
  [{ signal: 15, message: `${STEPD} NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***` }, 'node-fail'],
  // Items.
  [said('x', 'bad-input'), 'bad-input'],
  [said('429', 'bad-output'), 'bad-output'],
  [said('took longer than handler.timeout (30000 ms)', 'timeout-item'), 'timeout-item'],
  [said('boom', 'TypeError'), 'handler-error'],
  [said('', 'NonError'), 'handler-error'],
  [{ errorClass: 'ExitError', exitCode: 1, message: 'exit 1: boom' }, 'handler-error'],
  [{ errorClass: 'SignalError', signal: 11, message: 'killed by SIGSEGV' }, 'killed'],
  // What only looks like evidence.
  [said('item 429 of 1000 has no title'), 'handler-error'],
  [said('429 items are missing'), 'handler-error'],
  [said('found 4290 rows'), 'handler-error'],
  [said('the memory of the elephant'), 'handler-error'],
  [said('there is space left'), 'handler-error'],
  [said('socket hang up'), 'handler-error'],
  [said('The operation was aborted due to timeout', 'TimeoutError'), 'handler-error'],
];

/** What happens to an attempt only by slurmctl's own doing, which names it. */
const SELF_NAMED: readonly string[] = ['paused', 'unreported', 'slot-lost', 'quota-spent', 'waiting'];

describe('classify', () => {
  it.each(TABLE)('%j is %s', (facts, cause) => expect(classify(facts)).toBe(cause));

  it('reaches every cause', () => {
    const reached = new Set<string>(TABLE.map(([facts]) => classify(facts)));
    expect(CAUSE_NAMES.filter((cause) => !reached.has(cause) && !SELF_NAMED.includes(cause))).toEqual([]);
  });

  it.each(CAUSE_NAMES)('takes an error that says %s at its word', (cause) => {
    expect(classify({ errorClass: cause, message: 'out of memory', exitCode: 1 })).toBe(cause);
  });

  it('names a cause for any facts, in little time', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom(...BATCH_WORDS).map((word) => `${word}+`),
      fc.constantFrom('status '.repeat(2_000), 'a'.repeat(16_000), 'CANCELLED AT '.repeat(1_000), '429 '.repeat(4_000)),
    );
    const facts = fc.record(
      {
        batchState: text,
        batchReason: text,
        exitCode: fc.nat(300),
        signal: fc.nat(64),
        errorClass: text,
        message: text,
        ownUid: fc.nat(),
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(facts, (found) => isCause(classify(found))));
  });
});

describe('causes', () => {
  it.each(CAUSE_NAMES)('%s says in one line what it is, and somebody pays unless it fails', (cause) => {
    const { explanation, action, payer } = CAUSES[cause];
    expect(explanation).toMatch(/^[^\n]{20,120}$/);
    expect(explanation).not.toMatch(/\.$/);
    expect(payer === 'none').toBe(action === 'fail');
  });
});
