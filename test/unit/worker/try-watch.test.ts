import { describe, expect, it } from 'vitest';
import { createTryWatch } from '../../../src/worker/try-watch.ts';
import { createManualClock } from '../../support/manual-clock.ts';

/** A promise and the ways to settle it. */
function inHand() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function start() {
  const clock = createManualClock();
  return { clock, watch: createTryWatch(clock) };
}

describe('tries that only wait', () => {
  it('are those whose handler is not called yet, if there are any', () => {
    const { watch } = start();
    expect(watch.onlyWaits()).toBe(false);
    const [one, other] = [watch.begin(), watch.begin()];
    expect(watch.onlyWaits()).toBe(true);
    other.runs();
    expect(watch.onlyWaits()).toBe(false);
    other.end();
    expect(watch.onlyWaits()).toBe(true);
    one.end();
    expect(watch.onlyWaits()).toBe(false);
  });

  it('are those whose handler has waited for at least as long as it ran before', async () => {
    const { clock, watch } = start();
    const one = watch.begin();
    one.runs();
    await clock.advance(60);
    const wait = inHand();
    const over = one.over(wait.promise);
    await clock.advance(59);
    expect(watch.onlyWaits()).toBe(false);
    await clock.advance(1);
    expect(watch.onlyWaits()).toBe(true);
    wait.reject(new Error('no'));
    await expect(over).rejects.toThrow('no');
    expect(watch.onlyWaits()).toBe(false);
  });

  it('are not those that have one turn after the other, several at a time too', async () => {
    const { clock, watch } = start();
    const one = watch.begin();
    one.runs();
    let first = inHand();
    void one.over(first.promise);
    for (let turn = 0; turn < 5; turn += 1) {
      const second = inHand();
      void one.over(second.promise);
      await clock.advance(20);
      first.resolve();
      await clock.advance(0);
      first = second;
    }
    await clock.advance(10);
    expect(watch.onlyWaits()).toBe(false);
    await clock.advance(90);
    expect(watch.onlyWaits()).toBe(true);
  });
});
