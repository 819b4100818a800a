/** Where the picture of the queue is that all processes of a user share. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ownUid } from '../backends/host.ts';
import type { QueueView } from '../ports/queue-view.ts';
import { cacheDirectory } from './cache-directory.ts';
import type { Surroundings } from './job-backends.ts';
import { once } from './late-backends.ts';

type Around = Pick<Surroundings, 'env' | 'clock' | 'ids'>;

/** The queue of this user, asked about when first looked at. */
export function openQueueView(around: Around): QueueView {
  const opened = once(() => createView(around));
  return { look: async () => (await opened()).look(), queued: async () => (await opened()).queued() };
}

/** The picture that all processes of this user share: in the user's cache directory, one for each cluster. */
async function createView({ env, clock, ids }: Around): Promise<QueueView> {
  const { createQueueView } = await import('../backends/queue-view/index.ts');
  const uid = ownUid();
  return createQueueView({
    directory: cacheDirectory(env),
    key: await clusterKey(env),
    uid,
    clock,
    ids,
    async ask(mostMs) {
      const { askOwnQueue } = await import('../backends/batch-system/slurm/own-queue.ts');
      return askOwnQueue({ env, clock, uid, mostMs });
    },
  });
}

const CONFIGURATIONS = ['/etc/slurm/slurm.conf', '/run/slurm/conf/slurm.conf', '/etc/slurm-llnl/slurm.conf'];

/** Tells clusters apart whose login nodes share home directories, without asking any of them. */
async function clusterKey(env: NodeJS.ProcessEnv): Promise<string> {
  const { SLURM_CONF: conf, SLURM_CLUSTERS: clusters } = env;
  let name = '';
  for (const path of conf === undefined || conf === '' ? CONFIGURATIONS : [conf]) {
    const text = await readFile(path, 'utf8').catch(() => '');
    name = /^\s*ClusterName\s*=\s*(\S+)/im.exec(text)?.[1] ?? '';
    if (name !== '') break;
  }
  return createHash('sha256')
    .update(JSON.stringify([conf, clusters, name]))
    .digest('hex')
    .slice(0, 12);
}
