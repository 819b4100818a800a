import { AWS_TEST_ENV, freshBucket, freshQueue, freshTable, sharedAwsServer } from './aws-resources.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { withRoom, type Room } from './refusal.ts';

/** A room whose state lives in a bucket, a table and a queue of its own, all reached through a proxy. */
export interface ServicesRoom extends Room {
  readonly proxy: FaultProxy;
  readonly bucket: string;
  readonly table: string;
  readonly queue: string;
  /** The addresses as `slurmctl.yaml` has them. */
  readonly settings: ServiceSettings;
}

export interface ServiceSettings {
  readonly store: string;
  readonly state: string;
  readonly queue: string;
  readonly endpoint: string;
}

/** Nothing of the host decides: neither its AWS settings nor its credentials. */
const NO_AWS: NodeJS.ProcessEnv = Object.fromEntries(
  ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL', 'AWS_DEFAULT_REGION'].map((name) => [name, undefined]),
);
export const SERVICES_ENV: NodeJS.ProcessEnv = { ...NO_AWS, ...AWS_TEST_ENV };

export const settingsFile = ({ store, state, queue, endpoint }: ServiceSettings): string =>
  `store: ${store}\nstate: ${state}\nqueue: ${queue}\naws: {endpoint: "${endpoint}", region: us-east-1, pathStyle: true}\n`;

/** Runs `fn` in a room with a good job; the proxy lets everything pass until it is told otherwise. */
export async function withServices(fn: (room: ServicesRoom) => Promise<void>): Promise<void> {
  const [fauxqs, dynamodb] = await Promise.all([sharedAwsServer('fauxqs'), sharedAwsServer('dynamodb-local')]);
  const proxy = await startFaultProxy({ targets: { s3: fauxqs, sqs: fauxqs, dynamodb } });
  try {
    const [bucket, table, queue] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
    const settings = {
      store: `s3://${bucket.bucket}/run`,
      state: `dynamodb://${table.table}`,
      queue: `sqs://${queue.queue}`,
      endpoint: proxy.endpoint,
    };
    await withRoom({ 'slurmctl.yaml': settingsFile(settings) }, (room) => {
      const cliWith: Room['cliWith'] = (env) => room.cliWith({ ...SERVICES_ENV, ...env });
      const names = { bucket: bucket.bucket, table: table.table, queue: queue.queue };
      return fn({ ...room, ...names, cliWith, cli: cliWith({}), proxy, settings });
    });
  } finally {
    await proxy.stop();
  }
}
