import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openState, openStore } from '../../src/app/open-backends.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import {
  AWS_TEST_ENV,
  freshBucket,
  freshQueue,
  freshTable,
  rawClients,
  sharedAwsServer,
  useTestCredentials,
  type FreshBucket,
} from './aws-resources.ts';
import { systemContext } from './dynamo-table.ts';
import { badDay, type FaultProxy } from './fault-proxy.ts';
import { startFaultProxyProcess } from './fault-proxy-process.ts';
import { untruths, type SpoolJob } from './spool-job.ts';

/** Where the state of jobs lives. */
export type PlaceKind =
  | 'a directory'
  | 'AWS services'
  | 'AWS services behind a proxy'
  | 'AWS services on a bad day'
  | 'a bucket, and a directory for states'
  | 'a directory for objects, and a table';

/** A place without its directory: what a suite is told. */
export interface Where {
  readonly kind: PlaceKind;
  /** Share of the requests that a bad day spoils. Default 0.1. */
  readonly rate?: number;
  readonly seed?: number;
}

export interface PlaceOptions extends Where {
  /** Directory of the job file; state that needs a directory is in its `.slurmctl`. */
  readonly directory: string;
}

export interface Place {
  readonly kind: PlaceKind;
  /** Lines for `slurmctl.yaml`; none for what is in the home anyway. */
  readonly settings: string;
  /** What else a process needs to get there: credentials, none of them real. */
  readonly env: NodeJS.ProcessEnv;
  /** What is stored, past the proxy. */
  readonly store: ObjectStore;
  readonly state: StateTable;
  /** Between the commands and the services, in some places. */
  readonly proxy: FaultProxy | null;
  /** Whatever the states of this job point at is there, with the bytes they promise, and no upload was left half-done. */
  expectSound(job: JobId): Promise<void>;
  close(): Promise<void>;
}

/** The settings of whoever runs the tests lead nowhere. */
const NO_AWS = ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL', 'AWS_DEFAULT_REGION'];
const AWS_ENV: NodeJS.ProcessEnv = {
  ...Object.fromEntries(NO_AWS.map((name) => [name, undefined])),
  ...AWS_TEST_ENV,
};

/** A bucket, a table and a queue that no other test has, as far as the place has them. */
export async function openPlace(options: PlaceOptions): Promise<Place> {
  const { kind, directory } = options;
  if (kind !== 'a directory') useTestCredentials();
  const proxy = await openProxy(options);
  const through = proxy === null ? {} : { through: proxy.endpoint };
  const bucket = /^AWS|bucket/.test(kind) ? await freshBucket(through) : null;
  const table = /^AWS|table/.test(kind) ? await freshTable(through) : null;
  const queue = kind.startsWith('AWS') ? await freshQueue(through) : null;
  const lines = Object.entries({ store: bucket?.url, state: table?.url, queue: queue?.url }).flatMap(([key, url]) =>
    url === undefined ? [] : [`${key}: ${JSON.stringify(url)}\n`],
  );
  const context = systemContext();
  const direct = (made: { url: string; endpoint: string } | null, name: string): string =>
    made === null ? new URL(`file://${join(directory, '.slurmctl', name)}`).href : pastProxy(made);
  const { store } = await openStore(direct(bucket, 'objects'), context);
  const state = await openState(direct(table, 'state'), context);
  return {
    kind,
    settings: lines.join(''),
    env: kind === 'a directory' ? {} : AWS_ENV,
    store,
    state,
    proxy,
    async expectSound(job) {
      await proxy?.settled();
      const meta = (await state.get(metaKey(job))) as unknown as JobMeta;
      const found = await untruths({ store, state }, { job, tasks: meta.tasks } as SpoolJob, meta.shards);
      expect(found).toEqual([]);
      if (bucket !== null) expect(await uploadsIn(bucket)).toEqual([]);
      if (proxy !== null) expect((await proxy.ledger()).troubles).toEqual([]);
    },
    async close() {
      await proxy?.stop();
    },
  };
}

async function openProxy({ kind, rate = 0.1, seed = 1 }: PlaceOptions): Promise<FaultProxy | null> {
  if (!/proxy|bad day/.test(kind)) return null;
  const [fauxqs, dynamodb] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
  const targets = { s3: fauxqs, sqs: fauxqs, dynamodb };
  return startFaultProxyProcess({ targets, rules: kind.endsWith('proxy') ? [] : badDay(rate), seed });
}

function pastProxy({ url, endpoint }: { readonly url: string; readonly endpoint: string }): string {
  const direct = new URL(url);
  direct.searchParams.set('endpoint', endpoint);
  return direct.href;
}

/** Keys of uploads that were begun and neither completed nor given up. */
async function uploadsIn({ bucket, endpoint }: FreshBucket): Promise<(string | undefined)[]> {
  const client = rawClients.s3(endpoint);
  const { Uploads = [] } = await client
    .send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    .finally(() => client.destroy());
  return Uploads.map(({ Key }) => Key);
}
