import { createSystemClock } from '../../src/backends/clock.ts';
import { createS3ObjectStore, type S3ObjectStore } from '../../src/backends/object-store/s3.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { knownBackend, type BackendUrl } from '../../src/domain/backend-url.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';

/** The S3 store behind a URL, with chance that repeats. */
export function openS3Store(
  url: string,
  { seed = 1, clock = createSystemClock() }: { readonly seed?: number; readonly clock?: Clock } = {},
): Promise<S3ObjectStore> {
  const meter = createRequestMeter();
  const context = { clock, random: createSeededRandom(seed), ids: createSeededIds(seed), meter };
  return createS3ObjectStore({ backend: knownBackend(url) as Extract<BackendUrl, { service: 's3' }>, context });
}
