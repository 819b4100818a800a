import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JobPool } from '../../../src/domain/pool.ts';
import type { HandlerResult } from '../../../src/ports/handler-host.ts';
import { createItemPools } from '../../../src/worker/item-pools.ts';
import { createTrySlots } from '../../../src/worker/try-slots.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createPoolDouble, type PoolDouble } from '../../support/pool-double.ts';
import { createListLog } from '../../support/worker-job.ts';

const pool = (name: string, per: JobPool['per'] = 'item'): JobPool => ({ name, per, priority: 0, source: 'a test' });
const ok: HandlerResult = { ok: true, output: 1 };
const TIMEOUT_MS = 10_000;
const never = (): AbortSignal => new AbortController().signal;

/** A handler that ends when the test says so. */
function handlerInHand() {
  let resolve: (result: HandlerResult) => void = () => undefined;
  const promise = new Promise<HandlerResult>((settle) => (resolve = settle));
  return { promise, resolve };
}

function start(listed: readonly JobPool[], isOpen = true) {
  const double: PoolDouble = createPoolDouble({ isOpen });
  const log = createListLog();
  const clock = createManualClock();
  const slots = createTrySlots(clock, TIMEOUT_MS);
  const made = createItemPools({ listed, pools: double.pools, log, clock }).begin();
  return { ...double, log, clock, slots, made };
}

describe('slots around a try', () => {
  it('are asked for by name, whatever the order of the job file, and given back when the handler has ended', async () => {
    const { made, told, clock } = start([pool('b'), pool('c', 'call'), pool('a')]);
    await made.enter(never());
    expect(made.slots()).toEqual({ a: { index: 0, fence: 1 }, b: { index: 0, fence: 2 } });
    expect(told).toEqual(['ask a', 'give a 1', 'ask b', 'give b 2']);
    await made.during(
      () => Promise.resolve(ok),
      () => undefined,
    );
    expect(made.leave(ok)).toBe(ok);
    await clock.advance(0);
    expect(told.slice(4)).toEqual(['back a 1', 'back b 2']);
  });

  it('are all given back when the wait for one of them ends', async () => {
    const { made, told, give } = start([pool('a'), pool('b')], false);
    const stop = new AbortController();
    const entering = made.enter(stop.signal);
    give('a');
    await turn();
    stop.abort(new Error('stopped'));
    await expect(entering).rejects.toThrow('stopped');
    expect(told).toEqual(['ask a', 'give a 1', 'ask b', 'back a 1']);
  });

  it('stay with a handler that goes on after its timeout, until it has ended', async () => {
    const { made, told, slots, clock, log } = start([pool('a')]);
    await made.enter(never());
    const handler = handlerInHand();
    const trying = slots.run(0, (_signal, { fail }) => made.during(() => handler.promise, fail));
    await clock.advance(TIMEOUT_MS + 5_000);
    expect(made.leave(await trying)).toMatchObject({ cause: 'timeout-item' });
    expect(told.slice(2)).toEqual(['keep a 1']);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { pools: ['a'] } }]);
    handler.resolve(ok);
    await clock.advance(0);
    expect(told.slice(3)).toEqual(['back a 1']);
  });

  it('abort the handler when one is lost, and the try fails by that, whatever the handler makes of it', async () => {
    const { made, slots, give, lose } = start([pool('a')], false);
    const entering = made.enter(never());
    const slot = give('a');
    await entering;
    const trying = slots.run(0, (signal, { fail }) =>
      made.during(async () => {
        await once(signal(), 'abort');
        return { ok: false, cause: 'killed', errorClass: 'SignalError', errorMessage: String(signal().reason) };
      }, fail),
    );
    lose(slot);
    expect(made.leave(await trying)).toEqual({
      ok: false,
      cause: 'slot-lost',
      errorClass: 'POOL_SLOT_LOST',
      errorMessage: 'slot 0 of 1 was taken away',
    });
  });

  it('end a try without its handler, when that does not react in time to the loss; a success counts', async () => {
    const { made, slots, give, lose, clock, told } = start([pool('a')], false);
    const entering = made.enter(never());
    const slot = give('a');
    await entering;
    const handler = handlerInHand();
    const trying = slots.run(0, (_signal, { fail }) => made.during(() => handler.promise, fail));
    lose(slot);
    await clock.advance(5_000);
    expect(made.leave(await trying)).toMatchObject({ cause: 'slot-lost' });
    expect(told.at(-1)).toBe('keep a 1');

    const again = start([pool('a')], false);
    const second = again.made.enter(never());
    again.lose(again.give('a'));
    await second;
    expect(again.made.holdsAll()).toBe(false);
    const late = again.slots.run(0, (_signal, { fail }) => again.made.during(() => Promise.resolve(ok), fail));
    expect(again.made.leave(await late)).toBe(ok);
  });
});

describe('slots that a handler asks for', () => {
  const signal = never;

  it('are its own, and given back when it forgets to', async () => {
    const { made, told, clock } = start([pool('a', 'call')]);
    expect(made.takesSlots).toBe(false);
    await made.during(
      async () => {
        await (await made.pool('a', signal)).release();
        await made.pool('a', signal);
        return ok;
      },
      () => undefined,
    );
    await clock.advance(0);
    expect(told).toEqual(['ask a', 'give a 1', 'back a 1', 'ask a', 'give a 2', 'back a 2']);
  });

  it("are nobody's when they come after it has ended", async () => {
    const { made, told } = start([pool('a', 'call')], false);
    let asked: Promise<unknown> = Promise.resolve();
    await made.during(
      async () => {
        asked = made.pool('a', signal);
        asked.catch(() => undefined);
        return ok;
      },
      () => undefined,
    );
    await expect(asked).rejects.toThrow('the handler has returned');
    await expect(made.pool('a', signal)).rejects.toThrow('the handler has returned');
    expect(told.filter((each) => each.startsWith('give'))).toEqual([]);
  });

  it("make the failure nobody's that comes of their loss, and no other", async () => {
    const { made, give, lose } = start([pool('a', 'call')], false);
    const failed = (errorMessage: string): HandlerResult => ({
      ok: false,
      cause: 'handler-error',
      errorClass: 'Error',
      errorMessage,
    });
    let ended: HandlerResult = ok;
    await made.during(
      async () => {
        const asked = made.pool('a', signal);
        lose(give('a'));
        await asked;
        ended = made.leave(failed('cannot write: slot 0 of 1 was taken away')) as HandlerResult;
        return ok;
      },
      () => undefined,
    );
    expect(ended).toMatchObject({ cause: 'slot-lost', errorClass: 'POOL_SLOT_LOST' });
    expect(made.leave(failed('another'))).toMatchObject({ cause: 'handler-error' });
  });

  it('are the slot of the try where the worker holds one of that pool', async () => {
    const { made, told } = start([pool('a')]);
    await made.enter(never());
    const slot = await made.pool('a', signal);
    await slot.release();
    await slot[Symbol.asyncDispose]();
    expect([slot.index, slot.fence, told]).toEqual([0, 1, ['ask a', 'give a 1']]);
  });

  it('are refused for a pool that the job does not list', async () => {
    const { made } = start([pool('a')]);
    await expect(made.pool('b', signal)).rejects.toMatchObject({
      code: 'POOL_UNKNOWN',
      message: 'the handler names the pool "b"; the job lists a',
    });
    const none = createItemPools({
      listed: [],
      pools: undefined,
      log: createListLog(),
      clock: createManualClock(),
    }).begin();
    await expect(none.pool('b', signal)).rejects.toThrow('the job lists no pools');
  });
});
