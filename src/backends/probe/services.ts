/** Probes every service that a host's settings name, all at the same time and within seconds. */

import { knownBackend, shortBackendUrl, type AwsBackend, serverOf } from '../../domain/backend-url.ts';
import type { AwsArea } from '../shared/aws/aws-error.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { createAsking } from './asking.ts';
import { watchDates } from '../shared/aws/answer-dates.ts';
import { judgeClock, type ClockSample } from './clock-offset.ts';
import { findIdentity, type Identity } from './credentials.ts';
import { doubtful, type Verdict } from './verdict.ts';
import { loadDynamoDb, loadS3, loadSqs } from '../shared/aws/load-sdk.ts';

/** A part of the state and the URL of where it lives. */
export interface ServiceUrl {
  readonly area: AwsArea;
  readonly url: string;
}

export interface ServiceFindings {
  /** In the order in which a person wants to read them. */
  readonly verdicts: readonly Verdict[];
  /** Every verdict that matters to whoever uses this URL. */
  readonly services: readonly { readonly url: string; readonly verdicts: readonly Verdict[] }[];
}

/** How long one service may take for everything that is tried. */
const BUDGET_MS = 8_000;

/** URLs that name directories are passed over. Never throws for what a service does or leaves undone. */
export async function probeServices(
  urls: readonly ServiceUrl[],
  { context, env }: { readonly context: AwsContext; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ServiceFindings> {
  const samples: ClockSample[] = [];
  const identities = new Map<string, Promise<Identity>>();
  const probed = await Promise.all(
    urls.flatMap(({ area, url }) => {
      const backend = knownBackend(url);
      return backend.service === 'file'
        ? []
        : [probeService({ area, url, backend, context, env, identities, samples })];
    }),
  );
  const clock = judgeClock(samples);
  const who = [...new Set(await Promise.all(identities.values()))].map(({ verdict }) => verdict);
  const clockOf = (server: string): Verdict[] => {
    const own = judgeClock(samples.filter((sample) => sample.server === server));
    return own === null ? [] : [own];
  };
  return {
    verdicts: [...who, ...(clock === null ? [] : [clock]), ...probed.flatMap(({ own }) => own)],
    services: probed.map(({ url, server, identity, own }) => ({
      url,
      verdicts: [identity.verdict, ...clockOf(server), ...own],
    })),
  };
}

interface OneService extends ServiceUrl {
  readonly backend: AwsBackend;
  readonly context: AwsContext;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By profile, role and region: asked for once. */
  readonly identities: Map<string, Promise<Identity>>;
  readonly samples: ClockSample[];
}

async function probeService({ area, url, backend, context, env, identities, samples }: OneService) {
  const { clock } = context;
  const server = serverOf(backend.aws);
  const { client, probe } = await openProbe(backend, context);
  watchDates(client, { nowMs: () => clock.nowMs(), note: (answer) => samples.push({ server, ...answer }) });
  const { profile, role, region } = backend.aws;
  const who = JSON.stringify([profile, role, region]);
  const asked = identities.get(who) ?? findIdentity({ backend, client, clock, env });
  identities.set(who, asked);
  const place = shortBackendUrl(url);
  try {
    const identity = await asked;
    if (identity.verdict.verdict === 'fail')
      return {
        url,
        server,
        identity,
        own: [doubtful(area, `${place} at ${server} was not asked`, 'See the credentials check')],
      };
    const asking = createAsking({ context, area, place, server, budgetMs: BUDGET_MS });
    const own = await probe({ asking, server }).finally(() => asking.close());
    return { url, server, identity, own };
  } finally {
    client.destroy();
  }
}

type ProbeOf = (given: {
  readonly asking: ReturnType<typeof createAsking>;
  readonly server: string;
}) => Promise<Verdict[]>;

/** The client of a service and what to do with it; the SDK is loaded here. */
async function openProbe(backend: AwsBackend, context: AwsContext) {
  const config = await awsClientConfig(backend.service, backend.aws);
  const { service } = backend;
  if (service === 's3') {
    const { S3Client } = loadS3();
    const { probeS3 } = await import('./s3.ts');
    const { pathStyle, checksums } = backend.aws;
    const client = new S3Client({
      ...config,
      forcePathStyle: pathStyle ?? backend.aws.endpoint !== undefined,
      ...(checksums === 'when-required'
        ? { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' }
        : {}),
    });
    const probe: ProbeOf = (given) => probeS3({ ...given, client, backend, context });
    return { client: meterClient(client, { service, context }), probe };
  }
  if (service === 'dynamodb') {
    const { DynamoDBClient } = loadDynamoDb();
    const { probeDynamo } = await import('./dynamodb.ts');
    const client = new DynamoDBClient(config);
    const probe: ProbeOf = (given) => probeDynamo({ ...given, client, backend, context });
    return { client: meterClient(client, { service, context }), probe };
  }
  const { SQSClient } = loadSqs();
  const { probeSqs } = await import('./sqs.ts');
  const client = new SQSClient({ ...config, useQueueUrlAsEndpoint: false, md5: false });
  const probe: ProbeOf = (given) => probeSqs({ ...given, client, backend, context });
  return { client: meterClient(client, { service, context }), probe };
}
