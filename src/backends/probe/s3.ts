/** What an S3 server really does, tried on a few small objects of its own below the prefix of the store. */

import type { S3Client } from '@aws-sdk/client-s3';
import type { AwsBackend } from '../../domain/backend-url.ts';
import { isAppError } from '../../errors/app-error.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { looking, type Asking } from './asking.ts';
import { judgeReach } from './reach.ts';
import { lookAtChecksums, lookAtConditions, lookAtListing, lookAtObjects, lookAtUploads } from './s3-looks.ts';
import { broken, fine, type Verdict } from './verdict.ts';
import { loadS3 } from '../shared/aws/load-sdk.ts';

const { DeleteObjectsCommand, ListObjectsV2Command } = loadS3();

/** What the looks at one bucket share. */
export interface S3Probe {
  readonly client: S3Client;
  readonly asking: Asking;
  readonly backend: AwsBackend & { readonly service: 's3' };
  /** Prefix that belongs to this probe alone; ends in `/`. */
  readonly base: string;
}

/** Objects that a killed probe left are removed by a later one. */
const LEFTOVER_AGE_MS = 3_600_000;

/** All verdicts on a bucket; whatever was written is removed again. */
export async function probeS3(
  given: Omit<S3Probe, 'base'> & { readonly context: AwsContext; readonly server: string },
): Promise<Verdict[]> {
  const { client, asking, backend, context } = given;
  const common = `${backend.prefix}doctor/`;
  const probe: S3Probe = { ...given, base: `${common}${context.ids.ulid()}/` };
  let leftovers: string[] = [];
  const reached = await looking('store', async () => {
    const page = await asking.ask('ListObjectsV2', (options) =>
      client.send(new ListObjectsV2Command({ Bucket: backend.bucket, Prefix: common, MaxKeys: 500 }), options),
    );
    const oldMs = context.clock.nowMs() - LEFTOVER_AGE_MS;
    leftovers = (page.Contents ?? [])
      .filter(({ LastModified }) => LastModified !== undefined && LastModified.getTime() < oldMs)
      .map(({ Key = '' }) => Key);
    return fine('store', '');
  });
  if (reached.verdict === 'fail') return [reached];

  const objects = await looking('store objects', () => lookAtObjects(probe));
  const others =
    objects.verdict === 'fail'
      ? []
      : await Promise.all([
          looking('store checksums', () => lookAtChecksums(probe)),
          looking('store listing', () => lookAtListing(probe)),
          looking('store uploads', () => lookAtUploads(probe)),
          looking('store conditions', () => lookAtConditions(probe)),
        ]);
  const removed = await looking('store removal', () => remove(probe, leftovers)).catch((error: unknown) => {
    // After a refused write there may be nothing to remove and no permission to look; the first refusal is the one to show.
    if (objects.verdict === 'fail' && isAppError(error)) return null;
    throw error;
  });
  const reach = judgeReach({ name: 'store', place: placeOf(backend), server: given.server, asking });
  return [reach, objects, ...others, ...(removed === null || objects.verdict === 'fail' ? [] : [removed])];
}

const placeOf = ({ bucket, prefix }: S3Probe['backend']): string => `s3://${bucket}/${prefix}`;

/** Removes everything below the probe's prefix in one batch, and looks whether it is gone. */
async function remove({ client, asking, backend, base }: S3Probe, leftovers: readonly string[]): Promise<Verdict> {
  const Bucket = backend.bucket;
  const list = () =>
    asking.ask('ListObjectsV2', (options) => client.send(new ListObjectsV2Command({ Bucket, Prefix: base }), options));
  const own = ((await list()).Contents ?? []).map(({ Key = '' }) => Key);
  const Objects = [...own, ...leftovers].map((Key) => ({ Key }));
  if (Objects.length === 0) return fine('store removal', 'nothing to remove');
  const answer = await asking.ask('DeleteObjects', (options) =>
    client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }), options),
  );
  const [refused] = answer.Errors ?? [];
  if (refused !== undefined)
    return broken(
      'store removal',
      `${refused.Key ?? 'an object'} could not be removed (${refused.Code ?? 'no reason given'})`,
      'Ask for the permission s3:DeleteObject; without it gc cannot clean up',
    );
  const left = (await list()).Contents?.length ?? 0;
  return left === 0
    ? fine('store removal', `${Objects.length} objects in one request`)
    : broken(
        'store removal',
        `${left} objects are still listed after their removal`,
        'Use a server that lists what it holds',
      );
}
