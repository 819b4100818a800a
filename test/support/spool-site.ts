import { join } from 'node:path';
import { AWS_TEST_ENV, freshBucket, freshQueue, freshTable } from './aws-resources.ts';
import { createCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from './cli.ts';
import { startRelay, type Relay } from './relay.ts';
import { jobFile } from './slurm-job.ts';

/** A login node with a spool, its way to the services, and a laptop that sees the services only. */
export interface SpoolSite {
  readonly login: Cli;
  readonly laptop: Cli;
  /** To the store, and to the table. */
  readonly relays: readonly [Relay, Relay];
  readonly directory: string;
  route(there: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function createSpoolSite(
  directory: string,
  compiled: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly items: number; readonly batch: number },
): Promise<SpoolSite> {
  const [bucket, table, queue] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
  const relays = [await startRelay(bucket.endpoint), await startRelay(table.endpoint)] as const;
  const through = (url: string, from: string, relay: Relay): string => url.replace(from, relay.endpoint);
  writeFiles(join(directory, 'login'), {
    'job.yaml': jobFile({ batch: options.batch }),
    'handler.mjs': DOUBLING_HANDLER,
    'numbers.jsonl': numberLines(options.items),
    'slurmctl.yaml': [
      `store: ${JSON.stringify(through(bucket.url, bucket.endpoint, relays[0]))}`,
      `state: ${JSON.stringify(through(table.url, table.endpoint, relays[1]))}`,
      `queue: ${JSON.stringify(through(queue.url, queue.endpoint, relays[0]))}`,
      'spool: true',
      '',
    ].join('\n'),
  });
  writeFiles(join(directory, 'laptop'), {
    'slurmctl.yaml': `store: ${JSON.stringify(bucket.url)}\nstate: ${JSON.stringify(table.url)}\nqueue: ${JSON.stringify(queue.url)}\n`,
  });
  const env = { ...AWS_TEST_ENV, SLURMCTL_SCRATCH: directory, ...options.env };
  return {
    login: createCli(join(directory, 'login'), { ...env, CALLS: join(directory, 'login', 'calls') }, compiled),
    laptop: createCli(join(directory, 'laptop'), { ...env, SLURMCTL_SCHEDULER: 'local' }, compiled),
    relays,
    directory,
    async route(there) {
      for (const relay of relays) await relay.route(there);
    },
    async close() {
      for (const relay of relays) await relay.close();
    },
  };
}
