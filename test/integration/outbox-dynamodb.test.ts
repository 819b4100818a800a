import { beforeAll, expect, it } from 'vitest';
import { createSystemIds } from '../../src/backends/random.ts';
import { asJobId, type JobId } from '../../src/domain/ids.ts';
import { alertsKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { AlertRule } from '../../src/domain/alert-rule.ts';
import type { AlertFacts } from '../../src/observe/alerts/facts.ts';
import { readOutbox, sendOutbox, type OutboxEntry } from '../../src/observe/alerts/outbox.ts';
import { tellJob } from '../../src/observe/alerts/tell.ts';
import { createUndelivered } from '../../src/observe/alerts/undelivered.ts';
import { freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { factsAt, itemsOf, MINUTE_MS, START_MS } from '../unit/observe/alerts/alert-facts.fixture.ts';

const JOB = asJobId('embed-7k3f9q2m');
const OTHER = asJobId('embed-7k3f9q2n');
const PROCESSES = 4;
const RECIPIENTS = 20;
const HOSTILE = 'em\u0000bed "<!channel>" é ✓ \u202e';

let url: string;
beforeAll(async () => {
  useTestCredentials();
  ({ url } = await freshTable({ endpoint: await sharedAwsServer('dynamodb-local') }));
});

const rules: readonly AlertRule[] = [
  { when: 'failed', to: Array.from({ length: RECIPIENTS }, (_, n) => `channel-${n}`) },
  { when: 'error-rate', above: 30, to: ['channel-0'] },
];

it('messages in DynamoDB are put and sent once, however many processes pass at once, and wait for a dead channel', async () => {
  const clock = createManualClock(START_MS);
  const ids = createSystemIds(clock);
  const tables = await Promise.all(Array.from({ length: PROCESSES }, () => openDynamoTable(url)));
  const [state] = tables;
  if (state === undefined) throw new Error('no table');
  const sent: string[] = [];
  const notes: string[] = [];
  let isDead = false;

  const look = (table: typeof state, over: Partial<AlertFacts>, job: JobId = JOB) => {
    const facts = { ...factsAt(0, { job, name: HOSTILE, ...over }), nowMs: clock.nowMs() };
    const isFinal = facts.state === 'FAILED';
    const hooks = { ended: ['sh', 'hook.sh', ''] };
    const place = { baseDir: '/work', place: url, user: 'ada', generation: 0 };
    return tellJob({ state: table, clock, ids }, { job, isFinal, rules, hooks, ...place, facts: async () => facts });
  };
  const pass = (table: typeof state, hostname: string) =>
    sendOutbox({
      state: table,
      clock,
      ids,
      hostname,
      user: 'ada',
      sendMs: 10_000,
      hookMs: 60_000,
      note: (words) => notes.push(words),
      senderOf: () => async (notice, item) => {
        sent.push(`${item.kind} ${notice.event.event} of ${item.job} to ${item.to}`);
        if (isDead && item.to === 'channel-0') throw new AppError('ALERT_NOT_SENT', { message: 'the server is gone' });
        return 'fine';
      },
    });
  const allPass = () => Promise.all(tables.map((table, n) => pass(table, `login${n}`)));
  const entries = async (job?: JobId) => {
    const found: OutboxEntry[] = [];
    for await (const entry of readOutbox(state, job)) found.push(entry);
    return found;
  };

  // Of an episode: told when it begins, and not again while it lasts.
  const failing = { items: itemsOf(588, 412) };
  await Promise.all(tables.map((table) => look(table, failing)));
  await clock.advance(MINUTE_MS);
  await look(state, failing);
  expect((await entries()).map(({ item }) => item.event.event)).toEqual(['error-rate']);

  const failed = { ...failing, state: 'FAILED' } as const;
  await Promise.all(tables.flatMap((table) => [look(table, failed), look(table, failed, OTHER)]));
  const ofOne = RECIPIENTS + 2;
  expect(await entries(JOB)).toHaveLength(ofOne);
  expect(await entries(OTHER)).toHaveLength(ofOne);
  expect(await entries()).toHaveLength(2 * ofOne);
  expect(await state.get(alertsKey(JOB))).toMatchObject({ generation: 0, finished: 1_000 });

  isDead = true;
  for (let round = 0; round < 4; round += 1) await allPass();
  const reached = sent.filter((words) => !words.endsWith('channel-0'));
  expect(new Set(reached).size).toBe(reached.length);
  expect(reached).toHaveLength(2 * (RECIPIENTS - 1 + 1));
  const counter = createUndelivered(clock.nowMs());
  for (const { item } of await entries(JOB)) counter.add(item);
  expect(counter.undelivered()).toMatchObject([{ to: 'channel-0', waiting: 2, error: 'the server is gone' }]);

  isDead = false;
  await clock.advance(60 * MINUTE_MS);
  await allPass();
  const states = (await entries()).map(({ item }) => item.state);
  expect([...new Set(states)]).toEqual(['sent']);
  const before = sent.length;
  await allPass();
  expect(sent).toHaveLength(before);
  await clock.advance(4 * 24 * 60 * MINUTE_MS);
  await allPass();
  expect(await entries()).toEqual([]);
  expect(notes).toEqual([]);
});
