import { describe, expect, it } from 'vitest';
import { createSystemIds } from '../../../../src/backends/random.ts';
import { createFsStateTable } from '../../../../src/backends/state-table/fs.ts';
import type { OutboxItem } from '../../../../src/domain/alert-items.ts';
import type { AlertRule, JobHooks } from '../../../../src/domain/alert-rule.ts';
import { alertsKey, outboxKey } from '../../../../src/domain/state-keys.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { AlertFacts } from '../../../../src/observe/alerts/facts.ts';
import { readOutbox, sendOutbox, type OutboxDeps } from '../../../../src/observe/alerts/outbox.ts';
import { pauseAfter, standing } from '../../../../src/observe/alerts/outbox-turn.ts';
import { tellJob } from '../../../../src/observe/alerts/tell.ts';
import type { StateTable } from '../../../../src/ports/state-table.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { withTempDir } from '../../../support/temp-dir.ts';
import { factsAt, itemsOf, MINUTE_MS, START_MS } from './alert-facts.fixture.ts';

const FAILED: Partial<AlertFacts> = { state: 'FAILED', items: itemsOf(588, 412) };
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A site with a clock of its own, and processes that look and send. */
function createSite(root: string, { rules = [], hooks = {} }: { rules?: readonly AlertRule[]; hooks?: JobHooks } = {}) {
  const clock = createManualClock(START_MS);
  const ids = createSystemIds(clock);
  const state = createFsStateTable({ root, ids, clock });
  const sent: string[] = [];
  const answer = { throws: false, never: false };
  const notes: string[] = [];
  const deps: OutboxDeps = {
    state,
    clock,
    ids,
    hostname: 'login1',
    user: 'ada',
    sendMs: 10_000,
    hookMs: 60_000,
    note: (words) => notes.push(words),
    senderOf: ({ to }) =>
      to === 'unknown'
        ? null
        : async (notice, item) => {
            sent.push(`${item.kind} ${notice.event.event} to ${item.to}`);
            if (answer.never) await new Promise(() => undefined);
            if (answer.throws) throw new AppError('ALERT_NOT_SENT', { message: 'the server is gone' });
            return 'fine';
          },
  };
  const look = (over: Partial<AlertFacts> = FAILED, table: StateTable = state): Promise<number> => {
    const facts = { ...factsAt(0, over), nowMs: clock.nowMs() };
    return tellJob(
      { ...deps, state: table },
      {
        job: facts.job,
        isFinal: facts.state !== 'RUNNING',
        generation: facts.generation,
        rules,
        hooks,
        baseDir: '/work',
        place: 'file:///state',
        user: 'ada',
        facts: async () => facts,
      },
    );
  };
  const stored = async (): Promise<readonly OutboxItem[]> => {
    const found: OutboxItem[] = [];
    for await (const { item } of readOutbox(state)) found.push(item);
    return found;
  };
  return { clock, state, deps, sent, answer, notes, look, stored };
}

const rules: readonly AlertRule[] = [{ when: 'failed', to: ['ops'] }];

describe('the outbox', () => {
  it('of two passes at once, each message is put and sent once', () =>
    withTempDir(async (root) => {
      const { deps, look, sent } = createSite(root, { rules });
      expect((await Promise.all([look(), look(), look()])).reduce((sum, created) => sum + created, 0)).toBe(1);
      await Promise.all([sendOutbox(deps), sendOutbox(deps), sendOutbox(deps)]);
      await look();
      await sendOutbox(deps);
      expect(sent).toEqual(['message failed to ops']);
    }));

  it('a message whose process died is sent by another one later, and one that was put before a crash is not put twice', () =>
    withTempDir(async (root) => {
      const { clock, state, deps, look, sent, answer, stored } = createSite(root, { rules });
      await look();
      // As if the process had died before it wrote down that it had told.
      await state.deleteItem(alertsKey(factsAt(0).job));
      expect(await look()).toBe(0);
      answer.never = true;
      const dying = sendOutbox({ ...deps, sendMs: DAY_MS });
      await expect.poll(() => sent.length).toBe(1);
      answer.never = false;
      await clock.advance(5 * MINUTE_MS);
      expect(await sendOutbox(deps)).toEqual([]);
      await clock.advance(6 * MINUTE_MS);
      await sendOutbox(deps);
      expect(sent).toHaveLength(2);
      expect(await stored()).toMatchObject([{ state: 'sent', tries: 2 }]);
      await clock.advance(DAY_MS);
      await dying;
      expect(await stored()).toMatchObject([{ state: 'sent', tries: 2 }]);
    }));

  it('a dead channel is tried again with pauses, by other hosts at once, and given up after a week', () =>
    withTempDir(async (root) => {
      const { clock, deps, look, sent, answer, stored } = createSite(root, { rules });
      answer.throws = true;
      await look();
      expect(await sendOutbox(deps)).toMatchObject([{ error: 'the server is gone' }]);
      expect(await sendOutbox(deps)).toEqual([]);
      await sendOutbox({ ...deps, hostname: 'node1' });
      expect(sent).toHaveLength(2);
      await clock.advance(pauseAfter(2));
      await sendOutbox({ ...deps, hostname: 'node1' });
      expect(sent).toHaveLength(3);
      expect(await stored()).toMatchObject([{ state: 'waiting', tries: 3, detail: 'the server is gone' }]);
      await clock.advance(8 * DAY_MS);
      await sendOutbox(deps);
      expect(await stored()).toMatchObject([{ state: 'given-up' }]);
      await clock.advance(8 * DAY_MS);
      await sendOutbox(deps);
      expect(await stored()).toEqual([]);
      expect(sent).toHaveLength(3);
    }));

  it('a channel that never answers costs its time and no more', () =>
    withTempDir(async (root) => {
      const { clock, deps, look, answer, stored } = createSite(root, { rules });
      answer.never = true;
      await look();
      const sending = sendOutbox(deps);
      await expect.poll(() => clock.pending()).toBeGreaterThan(0);
      await clock.advance(11_000);
      expect(await sending).toMatchObject([{ error: 'no answer within 10 s' }]);
      expect(await stored()).toMatchObject([{ state: 'waiting' }]);
    }));

  it('a program that its deadline ends is waited for, so that it is gone and has said why', () =>
    withTempDir(async (root) => {
      const { clock, deps, look, stored } = createSite(root, { hooks: { ended: ['./a.sh'] } });
      const untilKilled = (_: unknown, __: unknown, signal: AbortSignal): Promise<string> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            clock.after(500, () => reject(new AppError('ALERT_NOT_SENT', { message: './a.sh: was killed: at row 7' })));
          });
        });
      await look();
      const sending = sendOutbox({ ...deps, senderOf: () => untilKilled });
      await expect.poll(() => clock.pending()).toBeGreaterThan(0);
      await clock.advance(60_000);
      await clock.advance(500);
      expect(await sending).toMatchObject([{ error: './a.sh: was killed: at row 7' }]);
      expect(await stored()).toMatchObject([{ state: 'given-up' }]);
    }));

  it('a dead channel with many messages keeps no other one waiting', () =>
    withTempDir(async (root) => {
      const to = Array.from({ length: 40 }, (_, index) => `${index % 8 === 0 ? 'well' : 'dead'}-${index}`);
      const { clock, deps, look, stored } = createSite(root, { rules: [{ when: 'failed', to }] });
      const senderOf: OutboxDeps['senderOf'] = (item) => async () => {
        if (item.to.startsWith('well')) return 'fine';
        throw new AppError('ALERT_NOT_SENT', { message: 'the server is gone' });
      };
      await look();
      for (let pass = 0; pass < 3; pass += 1) {
        await sendOutbox({ ...deps, senderOf });
        // By now each of them may be tried again.
        await clock.advance(pauseAfter(20));
      }
      expect((await stored()).filter(({ state }) => state === 'sent')).toHaveLength(5);
    }));

  it('a clock that was set back by a day keeps nothing waiting for that day', () =>
    withTempDir(async (root) => {
      const { deps, look, answer, stored } = createSite(root, { rules });
      answer.throws = true;
      await look();
      await sendOutbox(deps);
      const [failed] = await stored();
      if (failed === undefined) throw new Error('there is none');
      const at = (nowMs: number) => standing(failed, { nowMs, hostname: 'login1' });
      expect([at(START_MS), at(START_MS - DAY_MS)]).toEqual(['later', 'due']);
      const sending = { ...failed, state: 'sending' } as const;
      const held = (nowMs: number) => standing(sending, { nowMs, hostname: 'login1' });
      expect([held(START_MS), held(START_MS - DAY_MS)]).toEqual(['later', 'due']);
    }));

  it('a claim whose answer was lost is still one, and so is a look', () =>
    withTempDir(async (root) => {
      const { deps, look, sent, state, stored } = createSite(root, { rules, hooks: { ended: ['./a.sh'] } });
      const losing: StateTable = {
        ...state,
        async write(...request) {
          await state.write(...request);
          throw new AppError('STATE_UNCERTAIN', { message: 'the answer was lost' });
        },
      };
      expect(await look(FAILED, losing)).toBe(2);
      expect(await look(FAILED, losing)).toBe(0);
      await sendOutbox({ ...deps, state: losing });
      expect(sent.toSorted()).toEqual(['hook ended to ended', 'message failed to ops']);
      expect(await stored()).toMatchObject([{ state: 'sent' }, { state: 'sent' }]);
    }));

  it('nobody sends messages of others, or runs their hooks', () =>
    withTempDir(async (root) => {
      const { deps, look, sent } = createSite(root, { rules, hooks: { ended: ['./a.sh'] } });
      await look();
      expect(await sendOutbox({ ...deps, user: 'bob' })).toEqual([]);
      expect(sent).toEqual([]);
      expect(await sendOutbox(deps)).toHaveLength(2);
    }));

  it('a message to a channel that this host does not know waits for one that does', () =>
    withTempDir(async (root) => {
      const { deps, look, stored } = createSite(root, { rules: [{ when: 'failed', to: ['unknown'] }] });
      await look();
      expect(await sendOutbox(deps)).toEqual([]);
      expect(await stored()).toMatchObject([{ state: 'waiting', tries: 0 }]);
    }));

  it('a hook is run at most once, whether it fails or its pass dies', () =>
    withTempDir(async (root) => {
      const { clock, deps, look, sent, answer, stored } = createSite(root, {
        hooks: { failed: ['./a.sh'], ended: ['./b.sh'] },
      });
      answer.throws = true;
      await look();
      await sendOutbox(deps);
      expect(await stored()).toMatchObject([{ state: 'given-up' }, { state: 'given-up' }]);
      await clock.advance(DAY_MS);
      await look();
      await sendOutbox({ ...deps, hostname: 'node1' });
      expect(sent.toSorted()).toEqual(['hook ended to ended', 'hook failed to failed']);
      answer.throws = false;
      answer.never = true;
      await look({ ...FAILED, generation: 1 });
      const dying = sendOutbox({ ...deps, hookMs: DAY_MS });
      await expect.poll(() => sent.length).toBe(4);
      await clock.advance(11 * MINUTE_MS);
      await sendOutbox(deps);
      expect(sent).toHaveLength(4);
      expect((await stored()).filter(({ detail }) => detail === 'the pass that ran it died over it')).toHaveLength(2);
      await clock.advance(DAY_MS);
      await dying;
    }));

  it('of another version is passed over with a note, and keeps no other message waiting', () =>
    withTempDir(async (root) => {
      const { deps, state, look, sent, notes, stored } = createSite(root, { rules });
      await look();
      const strange = { user: 'ada', state: 'waiting', channels: ['ops'], event: 'failed' };
      await state.createMany([
        { key: outboxKey('aaa-00000000#strange'), item: strange },
        { key: outboxKey('zzz-00000000#of-bob'), item: { ...strange, user: 'bob' } },
      ]);
      await sendOutbox(deps);
      expect(sent).toEqual(['message failed to ops']);
      expect(notes).toEqual(['left 1 message in the outbox alone that this version cannot read: aaa-00000000#strange']);
      expect(await stored()).toMatchObject([{ state: 'sent' }]);
      expect(await state.get(outboxKey('aaa-00000000#strange'))).toEqual(strange);
    }));

  it('writes down what it sent whatever becomes of other messages, and tells what it could not write', () =>
    withTempDir(async (root) => {
      const site = createSite(root, { rules: [{ when: 'failed', to: ['ops', 'team', 'pager'] }] });
      const { deps, state, look, sent, notes, stored } = site;
      await look();
      const full = new AppError('STATE_UNAVAILABLE', { message: 'the table is gone' });
      const failing: StateTable = {
        ...state,
        async write(key, change, condition) {
          const to = ((await state.get(key)) as unknown as OutboxItem).to;
          const isClaim = change.set?.['state'] === 'sending';
          if ((to === 'ops' && isClaim) || (to === 'team' && !isClaim)) throw full;
          return state.write(key, change, condition);
        },
      };
      const told = await sendOutbox({ ...deps, state: failing });
      expect(told.map(({ item, error }) => `${item.to} ${error}`).toSorted()).toEqual(['pager null', 'team null']);
      expect(sent).toHaveLength(2);
      const states = (await stored()).map(({ to, state: is }) => `${to} ${is}`);
      expect(states.toSorted()).toEqual(['ops waiting', 'pager sent', 'team sending']);
      const job = factsAt(0).job;
      expect(notes.toSorted()).toEqual([
        'alerts were left to the next pass: the table is gone [STATE_UNAVAILABLE]',
        `that team was told of ${job} could not be written down, so that it may be told again: the table is gone [STATE_UNAVAILABLE]`,
      ]);
    }));

  it('takes a bug in a channel for a message that did not arrive', () =>
    withTempDir(async (root) => {
      const { deps, look, stored } = createSite(root, { rules });
      await look();
      const senderOf = () => () => Promise.reject(new TypeError('to.map is not a function'));
      expect(await sendOutbox({ ...deps, senderOf })).toMatchObject([
        {
          error: expect.stringMatching(
            /^bug in slurmctl, please report it: TypeError: to\.map is not .*outbox\.test\.ts/,
          ),
        },
      ]);
      expect(await stored()).toMatchObject([{ state: 'waiting', tries: 1 }]);
    }));

  it('a job that runs is looked at every half minute', () =>
    withTempDir(async (root) => {
      const { clock, look } = createSite(root, { rules: [{ when: 'budget', to: ['ops'] }] });
      expect(await look({})).toBe(0);
      expect(await look({ givenUpTasks: 1 })).toBe(0);
      await clock.advance(30_000);
      expect(await look({ givenUpTasks: 1 })).toBe(1);
    }));
});
