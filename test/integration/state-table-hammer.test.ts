import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createSystemClock } from '../../src/backends/clock.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { AWS_TEST_ENV, freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { badDay } from '../support/fault-proxy.ts';
import { startFaultProxyProcess } from '../support/fault-proxy-process.ts';
import { compiledProject } from '../support/compiled.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const WORKER = fileURLToPath(new URL('state-table-hammer-worker.mjs', import.meta.url));
const WRITERS = 8;
const READERS = 2;
/** At full effort. */
const KILLS = 24;
const MIN_ACKNOWLEDGED = 1_500;
const COUNTERS = ['hot', 'warm-0', 'warm-1', 'warm-2', 'warm-3', 'warm-4'];
const TASKS = ['task-0', 'task-1', 'task-2'];

interface Member {
  readonly id: number;
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  killed: boolean;
  /** By key: tried and not heard of again, acknowledged, uncertain. */
  readonly tried: Map<string, number>;
  readonly acknowledged: Map<string, number>;
  readonly uncertain: Map<string, number>;
  readonly created: string[];
  lines: number;
}

const bump = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
const filesBelow = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** A table that many processes open, and what they leave in it. */
interface Arena {
  readonly table: StateTable;
  readonly url: string;
  /** Share of the kills and writes: starting a process that loads the SDK takes its time. */
  readonly effort: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Waits until nothing is on its way any more. */
  readonly settled?: () => Promise<void>;
  /** Looks at what is stored, past the driver. `fresh`: items of that partition. */
  readonly inspect?: (fresh: number) => void;
  readonly close: () => Promise<void> | void;
}

const ARENAS: Readonly<Record<string, () => Promise<Arena> | Arena>> = {
  fs: () => {
    const dir = makeTempDir('hammer');
    const root = join(dir.path, 'state');
    const clock = createSystemClock();
    const table = createFsStateTable({ root, ids: createSystemIds(clock), clock });
    const inspect = (fresh: number): void => {
      // Every write leaves exactly anchor, head and data of its item.
      expect(filesBelow(root).filter((path) => path.includes('/hammer/'))).toHaveLength(
        3 * (COUNTERS.length + TASKS.length),
      );
      const files = filesBelow(root).filter((path) => path.includes('/fresh/'));
      expect(files.length).toBeLessThanOrEqual(2 * fresh + KILLS);
    };
    return { table, url: table.rootUrl, effort: 1, inspect, close: dir.remove };
  },
  DynamoDB: async () => {
    useTestCredentials();
    const { url } = await freshTable();
    return { table: await openDynamoTable(url), url, effort: 0.4, env: AWS_TEST_ENV, close: () => {} };
  },
  'DynamoDB behind a network that fails': async () => {
    useTestCredentials();
    const endpoint = await sharedAwsServer('dynamodb-local');
    const late = { fault: 'ghost', operation: 'UpdateItem', rate: 0.01, delayMs: [1, 300] } as const;
    const doubled = { fault: 'duplicate', operation: 'UpdateItem', rate: 0.02 } as const;
    const rules = [...badDay(0.05), late, doubled];
    const proxy = await startFaultProxyProcess({ targets: { dynamodb: endpoint }, rules, seed: 7 });
    const direct = await freshTable({ endpoint });
    const url = new URL(direct.url);
    url.searchParams.set('endpoint', proxy.endpoint);
    const [settled, close] = [() => proxy.settled(), () => proxy.stop()];
    return { table: await openDynamoTable(direct.url), url: url.href, effort: 0.4, env: AWS_TEST_ENV, settled, close };
  },
};

/**
 * Eight writers and two readers, each a process of its own, on one table; writers are killed at random moments and replaced. The test moves
 * on by what the processes say, never by time.
 */
describe.each(Object.keys(ARENAS))('%s state table under processes that are killed', (name) => {
  let arena: Arena;
  let table: StateTable;
  const random = createSeededRandom(20_240_607);
  const members: Member[] = [];
  const violations: string[] = [];
  let acknowledged = 0;
  let claims = 0;
  let reads = 0;
  let kills = 0;
  let maxKills = 0;
  let dist = '';
  /** Told when a process ends that should not have. */
  let gaveUp = (why: string): void => {
    violations.push(why);
  };

  beforeAll(async () => {
    dist = join(await compiledProject(), 'dist');
    arena = await (ARENAS[name] as () => Promise<Arena>)();
    ({ table } = arena);
    maxKills = Math.round(KILLS * arena.effort);
    await table.createMany([
      ...COUNTERS.map((sort) => ({ key: { partition: 'hammer', sort }, item: { n: 0 } })),
      ...TASKS.map((sort) => ({ key: { partition: 'hammer', sort }, item: { inside: 0 } })),
    ]);
  });
  afterAll(async () => {
    for (const { child } of members) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await Promise.all(members.map(({ closed }) => closed));
    await arena.close();
  });

  function start(role: 'writer' | 'reader', onLine: (member: Member, line: string) => void): Member {
    const id = members.length;
    const options = JSON.stringify({ dist, url: arena.url, id, role, fsync: id % 4 === 0 });
    const child = spawn(process.execPath, ['--no-warnings', WORKER, options], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...arena.env },
    });
    const member: Member = {
      id,
      child,
      closed: once(child, 'close'),
      killed: false,
      tried: new Map(),
      acknowledged: new Map(),
      uncertain: new Map(),
      created: [],
      lines: 0,
    };
    members.push(member);
    child.on('exit', (code, signal) => {
      if (!member.killed && code !== 0) gaveUp(`process ${id} ended with ${code ?? signal}`);
    });
    createInterface({ input: child.stdout }).on('line', (line) => onLine(member, line));
    createInterface({ input: child.stderr }).on('line', (line) => violations.push(`stderr of ${id}: ${line}`));
    return member;
  }

  function note(member: Member, line: string): void {
    const [verb, key = ''] = line.split(' ');
    member.lines += 1;
    if (verb === 'T') bump(member.tried, key);
    else if (verb === 'U') bump(member.uncertain, key);
    else if (verb === 'W') member.created.push(key);
    else if (verb === 'C') claims += 1;
    else if (verb === 'R') reads += 1;
    else if (verb === 'V') violations.push(`${member.id}: ${line}`);
    else if (verb === 'A') {
      bump(member.acknowledged, key);
      acknowledged += 1;
    }
  }

  /** Runs writers and readers until enough was written and enough of them were killed. */
  async function hammer(): Promise<void> {
    await new Promise<void>((enough, failed) => {
      const startWriter = (): void => {
        const killAfter = 20 + Math.floor(random.next() * 150);
        const member = start('writer', (writer, line) => {
          note(writer, line);
          if (!writer.killed && writer.lines >= killAfter && kills < maxKills) {
            writer.killed = true;
            kills += 1;
            writer.child.kill('SIGKILL');
          }
          if (kills >= maxKills && acknowledged >= MIN_ACKNOWLEDGED * arena.effort) enough();
        });
        member.closed.then(async () => {
          if (!member.killed) return;
          await table.write(
            { partition: 'dead', sort: `dead-${member.id}` },
            { set: { id: member.id } },
            { op: 'item-absent' },
          );
          startWriter();
        }, failed);
      };
      for (let count = 0; count < WRITERS; count += 1) startWriter();
      for (let count = 0; count < READERS; count += 1) start('reader', note);
      gaveUp = (why) => failed(new Error([why, ...violations.slice(0, 5)].join('\n')));
    });
    gaveUp = (why) => violations.push(why);
    for (;;) {
      const running = members.filter(({ child }) => child.exitCode === null && child.signalCode === null);
      if (running.length === 0) break;
      for (const { child } of running) child.stdin?.end();
      await Promise.all(running.map(({ closed }) => closed));
    }
    for (const { id, child, killed } of members)
      if (!killed && child.exitCode !== 0)
        violations.push(`process ${id} ended with ${child.exitCode ?? child.signalCode}`);
  }

  it('loses no update, tears no read, sticks on no key and leaves nothing behind', async () => {
    await hammer();
    await arena.settled?.();
    expect(violations).toEqual([]);
    expect(kills).toBe(maxKills);
    expect(claims).toBeGreaterThan(100 * arena.effort);
    expect(reads).toBeGreaterThan(10);

    for (const key of COUNTERS) {
      const item = await table.get({ partition: 'hammer', sort: key });
      let sum = 0;
      for (const { id, tried, acknowledged: sure, uncertain } of members) {
        const found = Number(item?.[`w${id}`] ?? 0);
        sum += found;
        const atLeast = sure.get(key) ?? 0;
        // Of a killed process the write under way may have been applied; of an uncertain one too.
        const atMost = Math.min(atLeast + 1 + (uncertain.get(key) ?? 0), tried.get(key) ?? 0);
        expect(found, `${key} by process ${id}`).toBeGreaterThanOrEqual(atLeast);
        expect(found, `${key} by process ${id}`).toBeLessThanOrEqual(Math.max(atLeast, atMost));
      }
      expect(item?.['n']).toBe(sum);
    }

    const owners = new Map<string, number>();
    for await (const { sort, item } of table.query('fresh')) owners.set(sort, Number(item['owner']));
    const winners = members.flatMap(({ id, created }) => created.map((key) => ({ id, key })));
    expect(new Set(winners.map(({ key }) => key)).size).toBe(winners.length);
    for (const { id, key } of winners) expect(owners.get(key)).toBe(id);

    // Every key can still be written.
    for (const sort of [...COUNTERS, ...TASKS])
      expect(
        (await table.write({ partition: 'hammer', sort }, { add: { last: 1 } }, { op: 'item-present' })).applied,
      ).toBe(true);
    arena.inspect?.(owners.size);
  });
});
