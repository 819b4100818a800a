import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import { lockKey } from '../../src/domain/state-keys.ts';
import { advanceLeaseName } from '../../src/coordinator/lease.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { badDay, startFaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { runRaceRound, type RaceRecord } from '../support/race-round.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** `SLURMCTL_RACE_SEED=17` runs that round alone. */
const ONLY = process.env['SLURMCTL_RACE_SEED'];
const ROUNDS = 200;
const SEEDS = ONLY === undefined ? Array.from({ length: ROUNDS }, (_, n) => n + 1) : [Number(ONLY)];
/** A round that is longer at it hangs. How long all of them take is a matter of the machine. */
const ROUND_MS = 120_000;
const ALL_MS = 900_000;
const HANDLES = 10;
/** Rounds at a time: they share nothing but the server. */
const LANES = 4;

/** Between 5 and 20 % of the requests, by seed; and writes that arrive twice or late. */
const rulesOf = (seed: number): FaultRule[] => [
  ...badDay(0.05 + (0.15 * (seed % 16)) / 15),
  { fault: 'duplicate', service: 'dynamodb', operation: ['UpdateItem', 'PutItem'], rate: 0.03 },
  { fault: 'ghost', service: 'dynamodb', operation: ['UpdateItem', 'PutItem'], rate: 0.02, delayMs: [1, 120] },
];

describe('two coordinators, three advances at a time and a zombie, on DynamoDB behind a network that fails', () => {
  const temp = makeTempDir('races');
  let endpoint: string;
  beforeAll(async () => {
    useTestCredentials();
    endpoint = await sharedAwsServer('dynamodb-local');
  });
  afterAll(() => temp.remove());

  const seen = { faults: 0, zombies: 0, steals: 0, claims: 0, doubtful: 0 };

  async function oneRound(seed: number): Promise<void> {
    const root = join(temp.path, `${seed}`);
    mkdirSync(root);
    const proxy = await startFaultProxy({ targets: { dynamodb: endpoint }, rules: rulesOf(seed), seed });
    try {
      const { url } = await freshTable({ endpoint, through: proxy.endpoint });
      const past = new URL(url);
      past.searchParams.set('endpoint', endpoint);
      const direct = await openDynamoTable(past.href);
      const random = createSeededRandom(seed);
      const round = runRaceRound({ root, seed, random, direct, open: await openSeveral(url) });
      const record = await Promise.race([round, stuck(ROUND_MS)]);
      await proxy.settled();
      await expectFair(record);
      const { faults, troubles } = await proxy.ledger();
      expect(troubles).toEqual([]);
      seen.faults += Object.values(faults).reduce((sum, count) => sum + count, 0);
      seen.zombies += record.zombies;
      seen.steals += record.steals;
      seen.claims += record.claims.length;
      seen.doubtful += record.doubtful.length;
    } catch (error) {
      const { latest } = await proxy.ledger();
      throw new Error(`round ${seed} (SLURMCTL_RACE_SEED=${seed}): ${String(error)}\n${latest.slice(-20).join('\n')}`, {
        cause: error,
      });
    } finally {
      await proxy.stop();
    }
  }

  it(`are fair in each of ${SEEDS.length} rounds`, { timeout: ALL_MS }, async () => {
    const waiting = [...SEEDS];
    const lane = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) await oneRound(seed);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (ONLY !== undefined) return;
    expect(seen.zombies).toBeGreaterThanOrEqual(ROUNDS);
    expect(seen.faults).toBeGreaterThan(ROUNDS * 5);
    expect(seen.doubtful).toBeLessThan(seen.claims / 3);
    expect(seen.steals).toBeGreaterThan(ROUNDS / 2);
  });
});

async function expectFair({ job, rig, ...told }: RaceRecord): Promise<void> {
  const { state } = rig.process();
  const meta = await readMeta(state, job);
  expect(meta).toMatchObject({ state: 'COMPLETED', tasks: 2, items: 4 });
  const tasks = await rig.tasks(job);
  for (const task of tasks) {
    expect(task).toMatchObject({ state: 'DONE', win: { rows: task.items } });
    // The winner was told so, unless its answer was lost for good; nobody else was.
    const winners = told.wins.filter((win) => win.task === task.id).map((win) => win.attempt);
    expect([[], [task.win?.attempt]]).toContainEqual(winners);
    const claims = told.claims.filter((claim) => claim.task === task.id);
    expect(new Set(claims.map((claim) => claim.number)).size, 'no claim doubled').toBe(claims.length);
    const most = claims.length + told.doubtful.filter((id) => id === task.id).length;
    expect(task.attempts, 'each claim counted').toBeGreaterThanOrEqual(claims.length);
    expect(task.attempts, 'each claim counted once').toBeLessThanOrEqual(most);
  }
  expect(told.zombieDeeds).toEqual([]);
  expect(new Set(told.fences).size, 'no fence given twice').toBe(told.fences.length);
  expect(told.metaFences).toEqual(told.metaFences.toSorted((a, b) => a - b));
  const lock = await state.get(lockKey(advanceLeaseName(job)));
  expect(meta?.fence).toBeLessThanOrEqual(Number(lock?.['fence']));
  expectOneOfEachName(rig);
  expect((await readSubmissions(state, job)).filter((row) => row.state === 'SUBMITTED')).toEqual([]);
  expect(new Set(rig.aggregated)).toEqual(new Set([job]));
}

/** Handles are dear to open. So many are more than processes run at once, and each of them remembers what is no longer so. */
async function openSeveral(url: string): Promise<() => StateTable> {
  const handles = await Promise.all(Array.from({ length: HANDLES }, () => openDynamoTable(url)));
  let next = 0;
  return () => handles[(next += 1) % HANDLES] as StateTable;
}

const stuck = (ms: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`not at its end after ${ms} ms`)), ms).unref();
  });

/** A name that was submitted twice, by somebody who slept over its lease, has been cancelled but for one. */
function expectOneOfEachName({ batch }: RaceRecord['rig']): void {
  const kept = batch.accepted
    .filter(({ handle }) => !batch.cancelled.has(handle.id))
    .map(({ request }) => request.name);
  expect(new Set(kept).size, 'nothing is submitted twice under one name').toBe(kept.length);
}
