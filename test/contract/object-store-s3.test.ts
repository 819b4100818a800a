import { beforeAll } from 'vitest';
import { freshBucket, useTestCredentials } from '../support/aws-resources.ts';
import { openS3Store } from './object-store-s3.ts';
import { describeObjectStore } from './object-store.contract.ts';

beforeAll(useTestCredentials);

describeObjectStore('s3', async () => {
  const { url } = await freshBucket();
  const store = await openS3Store(url);
  return { store, other: store, close: () => undefined };
});

describeObjectStore('s3, two handles, the whole bucket, checksums only when required', async () => {
  const { url } = await freshBucket({ prefix: '' });
  const open = (seed: number) => openS3Store(`${url}&checksums=when-required`, { seed });
  return { store: await open(1), other: await open(2), close: () => undefined };
});
