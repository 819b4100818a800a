import { beforeAll, expect, it } from 'vitest';
import type { SubmitWaitDocument } from '../../src/cli/documents.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { startFakeProvider } from '../support/fake-provider.ts';
import { withQuietDir } from '../support/live-processes.ts';

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

/** Calls the provider once an item, as whoever the job is. */
const HANDLER = `
export default async ({ n }, { job, signal }) => {
  const answer = await fetch(process.env.PROVIDER, { method: 'POST', signal, body: JSON.stringify({ caller: job.name, cost: {} }) });
  if (!answer.ok) throw new Error('status ' + answer.status);
  return n;
};
`;

const jobFile = (name: string): string => `
name: ${name}
input: { file: in.jsonl }
batch: { items: 8 }
handler: { module: handler.mjs, concurrency: 5 }
resources: { cpus: 1, memory: 256M, time: 10m }
retry: { items: 1 }
limits: [{ name: provider, rate: 10/s, per: item }]
`;

it('two jobs together keep the limit that both name', () =>
  withQuietDir(async (directory) => {
    // What may come at once is what starting and the network can push together; in any longer time the rate counts.
    const provider = await startFakeProvider({ limits: { requests: { amount: 10, perMs: 1_000, burst: 5 } } });
    try {
      const cli = createCli(directory, { SLURMCTL_SCHEDULER: 'local', PROVIDER: provider.url }, compiled);
      const files = { 'handler.mjs': HANDLER, 'in.jsonl': numberLines(15) };
      writeFiles(directory, { ...files, 'first.yaml': jobFile('first'), 'second.yaml': jobFile('second') });
      const submit = (file: string) => cli.json<SubmitWaitDocument>(['submit', file, '--wait']);
      const ended = await Promise.all([submit('first.yaml'), submit('second.yaml')]);
      for (const { final } of ended)
        expect(final).toMatchObject({ job: { state: 'COMPLETED' }, items: { succeeded: 15 } });
      const { arrivals } = await provider.ledger();
      expect(arrivals).toHaveLength(30);
      expect(arrivals.filter(({ admitted }) => !admitted)).toEqual([]);
      expect(new Set(arrivals.map(({ caller }) => caller))).toEqual(new Set(['first', 'second']));
    } finally {
      await provider.stop();
    }
  }));
