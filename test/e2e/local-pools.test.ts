import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { beforeAll, expect, it } from 'vitest';
import type { SubmitWaitDocument } from '../../src/cli/documents.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

const SLOTS = 2;
const WORK_MS = 40;

/** A database that serves who asks, and notes how many do so at a time. It ends the first process that asks, in the middle of its work. */
async function startDatabase() {
  const seen = { live: 0, most: 0, killed: 0, served: new Set<string>(), slots: new Map<string, number[]>() };
  const server = createServer((request, answer) => {
    seen.live += 1;
    seen.most = Math.max(seen.most, seen.live);
    answer.once('close', () => (seen.live -= 1));
    const words = new URL(request.url ?? '', 'http://localhost').searchParams;
    const [pid, item, slot, fence] = ['pid', 'item', 'slot', 'fence'].map((name) => words.get(name) ?? '');
    if (seen.killed === 0) {
      seen.killed = Number(pid);
      process.kill(seen.killed, 'SIGKILL');
      return;
    }
    seen.slots.set(slot ?? '', [...(seen.slots.get(slot ?? '') ?? []), Number(fence)]);
    setTimeout(() => {
      seen.served.add(item ?? '');
      answer.end('done');
    }, WORK_MS);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const HANDLER = `
export default async ({ n }, { job, signal, slots: { db } }) => {
  const words = new URLSearchParams({ pid: process.pid, item: job.name + n, slot: db.index, fence: db.fence });
  const answer = await fetch(process.env.DATABASE + '?' + words, { signal });
  if (!answer.ok) throw new Error('status ' + answer.status);
  return n;
};
`;

const jobFile = (name: string): string => `
name: ${name}
input: { file: in.jsonl }
batch: { items: 5 }
handler: { module: handler.mjs, concurrency: 3 }
resources: { cpus: 1, memory: 256M, time: 10m }
retry: { backoff: 100ms..200ms }
pools: [{ name: db, per: item }]
`;

it('two jobs together have no more holders of a pool than it has slots, although one of them is killed', () =>
  withQuietDir(async (directory) => {
    const database = await startDatabase();
    try {
      const cli = createCli(directory, { SLURMCTL_SCHEDULER: 'local', DATABASE: database.url }, compiled);
      const files = { 'handler.mjs': HANDLER, 'in.jsonl': numberLines(10) };
      writeFiles(directory, { ...files, 'first.yaml': jobFile('first'), 'second.yaml': jobFile('second') });
      expect(await cli('pool', 'set', 'db', '--slots', String(SLOTS), '--lease', '5s')).toMatchObject({ code: 0 });
      const submit = (file: string) => cli.json<SubmitWaitDocument>(['submit', file, '--wait']);
      const ended = await Promise.all([submit('first.yaml'), submit('second.yaml')]);
      for (const { final } of ended)
        expect(final).toMatchObject({ job: { state: 'COMPLETED' }, items: { succeeded: 10 } });
      const { seen } = database;
      expect(seen.killed).toBeGreaterThan(0);
      expect(seen.most).toBeLessThanOrEqual(SLOTS);
      // Some of them twice perhaps: what the killed worker had under way besides.
      expect(seen.served.size).toBe(20);
      // Each holder of a slot has a larger fence than the one before.
      for (const fences of seen.slots.values()) expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
    } finally {
      await database.stop();
    }
  }));
