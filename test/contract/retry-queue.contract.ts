import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { asJobId, asTaskId } from '../../src/domain/ids.ts';
import { MAX_RECEIVES, type RetryMessage, type RetryQueue } from '../../src/ports/retry-queue.ts';

export interface OpenedQueue {
  readonly queue: RetryQueue;
  /** Another handle to the same messages, as another host has it. */
  readonly other: RetryQueue;
  /** Lets this much time pass for the queue. */
  readonly pass: (ms: number) => Promise<void>;
  readonly close: () => Promise<void> | void;
}

const JOB = asJobId('demo-7k3f9q2m');
const OTHER_JOB = asJobId('other-7k3f9q2m');
const hint = (task: number, job = JOB): RetryMessage => ({
  job,
  task: asTaskId(String(task).padStart(6, '0')),
  generation: 1,
  attempts: 2,
  notBeforeMs: 1_700_000_000_000,
});
const byTask = (messages: readonly RetryMessage[]): RetryMessage[] =>
  messages.toSorted((a, b) => a.task.localeCompare(b.task));

/** What every retry queue driver promises: at least once, unordered, late. */
export function describeRetryQueue(name: string, open: () => Promise<OpenedQueue> | OpenedQueue): void {
  describe(`retry queue contract: ${name}`, () => {
    let opened: OpenedQueue;
    let queue: RetryQueue;
    let other: RetryQueue;
    beforeEach(async () => {
      opened = await open();
      ({ queue, other } = opened);
    });
    afterEach(() => opened.close());
    const receive = (max = 10, visibilityMs = 30_000) => other.receive({ max, visibilityMs });

    it('hands out what was sent, up to the number asked for, and hides it', async () => {
      expect(await receive()).toEqual([]);
      await queue.send([hint(1), hint(2), hint(3)], 0);
      const first = await receive(2);
      expect(first).toHaveLength(2);
      const second = await receive();
      expect(byTask([...first, ...second].map(({ message }) => message))).toEqual([hint(1), hint(2), hint(3)]);
      expect([...first, ...second].map(({ receiveCount }) => receiveCount)).toEqual([1, 1, 1]);
      expect(await receive()).toEqual([]);
      expect(await queue.depth()).toEqual({ visible: 0, inFlight: 3, delayed: 0, dead: 0 });
    });

    it('delivers later when told to', async () => {
      await queue.send([hint(1)], 60_000);
      expect(await receive()).toEqual([]);
      expect(await other.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 1, dead: 0 });
      await opened.pass(60_000);
      expect(await other.depth()).toMatchObject({ visible: 1 });
      expect(await receive()).toHaveLength(1);
      await expect(queue.send([hint(1)], 900_001)).rejects.toThrow('out of range');
      await expect(queue.send([hint(1)], -1)).rejects.toThrow('out of range');
    });

    it('forgets what is acknowledged', async () => {
      await queue.send([hint(1), hint(2)], 0);
      const received = await receive();
      await queue.ack([received[0]?.receipt ?? '', 'no such receipt', '../../escape']);
      await queue.ack([received[0]?.receipt ?? '']);
      await opened.pass(30_000);
      expect((await receive()).map(({ message }) => message)).toEqual([received[1]?.message]);
    });

    it('brings a message back when its receiver died', async () => {
      await queue.send([hint(1)], 0);
      const [lost] = await receive(1, 10_000);
      await opened.pass(10_000);
      const [again] = await queue.receive({ max: 1, visibilityMs: 10_000 });
      expect(again).toMatchObject({ message: hint(1), receiveCount: 2 });
      await other.ack([lost?.receipt ?? '']);
      expect(await queue.extend(lost?.receipt ?? '', 10_000)).toBe(false);
      expect(await queue.depth()).toMatchObject({ inFlight: 1 });
    });

    it('keeps a message hidden for as long as its receiver extends it, under the same receipt', async () => {
      await queue.send([hint(1)], 0);
      const [held] = await receive(1, 10_000);
      for (let round = 0; round < 3; round += 1) {
        await opened.pass(9_000);
        expect(await other.extend(held?.receipt ?? '', 10_000)).toBe(true);
        expect(await receive()).toEqual([]);
      }
      await other.ack([held?.receipt ?? '']);
      await opened.pass(20_000);
      expect(await receive()).toEqual([]);
      expect(await other.extend('no such receipt', 1)).toBe(false);
    });

    it('gives up on what nobody acknowledges', async () => {
      await queue.send([hint(1), hint(2, OTHER_JOB)], 0);
      for (let round = 1; round <= MAX_RECEIVES; round += 1) {
        expect((await receive(10, 1_000)).map(({ receiveCount }) => receiveCount)).toEqual([round, round]);
        await opened.pass(1_000);
      }
      expect(await receive()).toEqual([]);
      expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 2 });
      const dead = [];
      for await (const message of queue.deadLetters()) dead.push(message);
      expect(byTask(dead)).toEqual([hint(1), hint(2, OTHER_JOB)]);
      await queue.purge(JOB);
      expect(await queue.depth()).toMatchObject({ dead: 1 });
    });

    it('drops what can be reached of a job, and nothing of another', async () => {
      await queue.send([hint(1), hint(2), hint(3, OTHER_JOB)], 0);
      await other.purge(JOB);
      expect((await receive()).map(({ message }) => message)).toEqual([hint(3, OTHER_JOB)]);
    });

    it('shares messages between receivers without giving one to two', async () => {
      await queue.send(
        Array.from({ length: 40 }, (_, task) => hint(task)),
        0,
      );
      const takers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => (index % 2 ? queue : other).receive({ max: 10, visibilityMs: 30_000 })),
      );
      const tasks = takers.flat().map(({ message }) => message.task);
      expect(new Set(tasks).size).toBe(tasks.length);
      expect(tasks).toHaveLength(40);
    });
  });
}
