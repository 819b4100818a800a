import { AppError } from '../../errors/app-error.ts';

/**
 * Which keys every store accepts: the same ones whatever the store, so that objects can be carried from one kind to another.
 */

/** A store of files writes its objects under names with this prefix first; no key may have it. */
export const TEMP_PREFIX = '.put-';
const MAX_KEY_BYTES = 1_024;
const MAX_SEGMENT_BYTES = 255;

/** @throws STORE_BAD_KEY for a key that is malformed or would leave the store. */
export function assertKey(key: string): void {
  const why = faultOfKey(key);
  if (why !== null) throw badKey(key, why);
}

/** True for a key that `assertKey` accepts. */
export const isKey = (key: string): boolean => faultOfKey(key) === null;

/** Like a key, but may be empty or end anywhere, also in `/`. */
export function assertPrefix(prefix: string): void {
  const why = faultOf(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  if (prefix !== '' && why !== null) throw badKey(prefix, why);
}

export const badKey = (key: string, why: string): AppError =>
  new AppError('STORE_BAD_KEY', { message: `object key ${JSON.stringify(key)} ${why}` });

const faultOfKey = (key: string): string | null =>
  faultOf(key) ?? (key.endsWith('/') || key === '' ? 'has an empty segment' : null);

function faultOf(key: string): string | null {
  if (key.startsWith('/')) return 'starts with "/"';
  if (/\p{Surrogate}/u.test(key)) return 'is not valid Unicode';
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(key)) return 'has a control character';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  const segments = key.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '..' || segment === '.') return `has the segment "${segment}"`;
    if (segment === '' && index < segments.length - 1) return 'has an empty segment';
    if (segment.startsWith(TEMP_PREFIX)) return `has a segment that starts with "${TEMP_PREFIX}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}
