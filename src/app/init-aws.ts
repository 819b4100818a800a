/** `init --aws`: creates what the settings name in AWS and is missing, or says what would be created, and who needs which permissions. */
import { cloudFormationOf } from '../backends/provisioning/cloudformation.ts';
import { provision } from '../backends/provisioning/index.ts';
import { accountOf, arnsOf, placesOf, type AwsPlaces } from '../backends/provisioning/places.ts';
import { policyOf } from '../backends/provisioning/policies.ts';
import type { ResourceReport } from '../backends/provisioning/report.ts';
import { terraformOf } from '../backends/provisioning/terraform.ts';
import type { AwsContext } from '../backends/shared/aws/client-config.ts';
import { knownBackend } from '../domain/backend-url.ts';
import { AppError } from '../errors/app-error.ts';
import type { InitAwsDocument } from './init-documents.ts';

export interface InitAwsRequest {
  /** Effective settings: URLs of backends. */
  readonly urls: Readonly<Record<'store' | 'state' | 'queue', string>>;
  readonly context: AwsContext;
  readonly dryRun: boolean;
}

/** @throws CONFIG_INVALID when no setting names a place in AWS */
export async function initAws({ urls, context, dryRun }: InitAwsRequest): Promise<InitAwsDocument> {
  const places = placesOf([urls.store, urls.state, urls.queue].map(knownBackend));
  if (Object.keys(places).length === 0)
    throw new AppError('CONFIG_INVALID', {
      message: `none of store (${urls.store}), state (${urls.state}) and queue (${urls.queue}) is in AWS`,
      hint: 'Write into slurmctl.yaml, for example, store: s3://BUCKET/PREFIX, state: dynamodb://TABLE, queue: sqs://QUEUE, and aws: with a region; then run it again',
    });
  const resources = await provision(places, { context, dryRun });
  return {
    schema: 'slurmctl.init-aws/1',
    dryRun,
    ok: resources.every(({ verdict }) => verdict === 'exists' || verdict === 'created'),
    resources,
    templates: dryRun ? templatesOf(places, resources) : null,
  };
}

function templatesOf(places: AwsPlaces, resources: readonly ResourceReport[]): InitAwsDocument['templates'] {
  const arns = arnsOf(places, knownAccount(places, resources));
  return {
    notes: notesOf(places, arns),
    policies: {
      coordinator: policyOf('coordinator', places, arns),
      worker: policyOf('worker', places, arns),
      reader: policyOf('reader', places, arns),
    },
    cloudFormation: cloudFormationOf(places),
    terraform: terraformOf(places),
  };
}

/** From the role in the settings, or what exists already; local servers have the account 000000000000. */
function knownAccount(places: AwsPlaces, resources: readonly ResourceReport[]): string | null {
  const arns = [...Object.values(places).map(({ aws }) => aws.role), ...resources.map(({ arn }) => arn)];
  const accounts = arns.map((arn) => accountOf(arn ?? undefined));
  return accounts.find((account) => account !== null && account !== '000000000000') ?? null;
}

function notesOf(places: AwsPlaces, arns: object): string[] {
  const targets = Object.values(places).map(({ aws }) => aws);
  const regions = [...new Set(targets.map(({ region }) => region ?? 'no region'))];
  const own = [...new Set(targets.flatMap(({ endpoint }) => endpoint ?? []))];
  const unknown = Object.values(arns).some((arn) => /:\*:/.test(String(arn)));
  return [
    ...(unknown ? ['"*" in an ARN stands for the region or account that is not known here: write them in'] : []),
    ...(regions.length > 1 ? [`The regions differ (${regions.join(', ')}): a template creates in one region`] : []),
    ...(own.length > 0 ? [`${own.join(', ')} may not know IAM policies and templates; they are for AWS`] : []),
    'With keys of your own (KMS), add kms:Decrypt and kms:GenerateDataKey for them',
  ];
}
