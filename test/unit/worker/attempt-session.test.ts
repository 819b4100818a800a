import { describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../../src/domain/ids.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { StateTable } from '../../../src/ports/state-table.ts';
import { startSession } from '../../../src/worker/attempt-session.ts';
import type { ElementContext } from '../../../src/worker/needs.ts';
import { HEARTBEAT_MS } from '../../../src/worker/while-beating.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createListLog, JOB } from '../../support/worker-job.ts';

/** A session whose heartbeats take `writeMs`, and what it did, in order. */
function session({
  writeMs,
  checkpointEveryMs,
  saveMs = 0,
  onlyWaits,
}: {
  readonly writeMs: number;
  readonly checkpointEveryMs: number;
  readonly saveMs?: number;
  readonly onlyWaits?: boolean;
}) {
  const clock = createManualClock();
  const did: string[] = [];
  const stop = new AbortController();
  const at = (what: string): void => void did.push(`${clock.monotonicMs() / 1_000} ${what}`);
  /** Its calls wait until the work is stopped. */
  const limiter = { waiting: () => (did.length > 0 ? null : { name: 'api', calls: 1, untilMs: null }) };
  const write = async () => {
    at('heartbeat');
    await clock.sleep(writeMs);
    return { applied: true, item: {} };
  };
  const deps = {
    clock,
    stop: stop.signal,
    ...(onlyWaits === undefined ? {} : { limiter }),
    log: createListLog(),
    state: { write } as unknown as StateTable,
  };
  const attempt = asAttemptId('1_0.0');
  const context = { deps, attempt, input: { endsAtMs: null } } as unknown as ElementContext;
  const claimed = { task: taskIdOf(0), key: taskKey(JOB, taskIdOf(0), 1) } as never;
  const started = startSession(context, {
    claimed,
    running: {
      onlyWaits: () => onlyWaits === true,
      stopTaking: () => at('stop'),
      abort: () => undefined,
    } as never,
    checkpointer: {
      async save() {
        at('checkpoint');
        if (saveMs > 0) await clock.sleep(saveMs);
        return 'saved';
      },
      segments: () => 0,
    },
    shipLog: () => Promise.resolve(),
    checkpointEveryMs,
    progress: () => ({ rows: 0, failed: 0 }),
  });
  return { clock, did, started, stop: () => stop.abort('drain:time-limit') };
}

describe('beside the items of a task', () => {
  it.each([
    [true, 'limit api'],
    [false, null],
  ])('it is noted before the end what items wait for that only wait (%s)', async (onlyWaits, awaited) => {
    const { did, started, stop } = session({ writeMs: 0, checkpointEveryMs: HEARTBEAT_MS, onlyWaits });
    expect(started.awaited()).toBeNull();
    stop();
    expect(did).toEqual(['0 stop']);
    expect(started.awaited()).toBe(awaited);
    await started.close();
  });

  it('checkpoints are saved although a heartbeat, due at the same moment, is still under way', async () => {
    const { clock, did, started } = session({ writeMs: 100, checkpointEveryMs: HEARTBEAT_MS });
    await clock.advance(2.5 * HEARTBEAT_MS);
    await started.close();
    expect(did).toEqual(['30 heartbeat', '30.1 checkpoint', '60 heartbeat', '60.1 checkpoint']);
  });

  it('what waits behind a write that hangs does not pile up, and is not begun after the end', async () => {
    const { clock, did, started } = session({ writeMs: 4.5 * HEARTBEAT_MS, checkpointEveryMs: HEARTBEAT_MS / 2 });
    await clock.advance(4 * HEARTBEAT_MS);
    const closed = started.close();
    await clock.advance(4 * HEARTBEAT_MS);
    await closed;
    expect(did).toEqual(['15 checkpoint', '30 heartbeat']);
  });

  it('a checkpoint that takes long, after the end of the items too, does not make the attempt look dead', async () => {
    const { clock, did, started } = session({ writeMs: 0, checkpointEveryMs: 40_000, saveMs: 20 * HEARTBEAT_MS });
    await clock.advance(60_000);
    const closed = started.close();
    await clock.advance(20 * HEARTBEAT_MS);
    await closed;
    const during = Array.from({ length: 19 }, (_, at) => `${70 + 30 * at} heartbeat`);
    expect(did.slice(0, 21)).toEqual(['30 heartbeat', '40 checkpoint', ...during]);
    expect(clock.pending()).toBe(0);
  });
});
