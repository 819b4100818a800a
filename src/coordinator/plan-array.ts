/**
 * How many array elements a wave gets and how they are cut into submissions; pure. Facts behind it: `MaxArraySize` bounds the *index*, so
 * every chunk starts at 0 again and carries an offset; every element counts against submit limits, so there are never more than tasks.
 */
import type { SlurmSpec } from '../domain/job-spec.ts';
import type { FedElements } from './limit-feed.ts';

/** Elements in one wave at most, whatever the partition could run: beyond this, pulling gains nothing and the controller suffers. */
export const MAX_AUTO_ELEMENTS = 2_000;
/** Used when the batch system does not say what the partition can run at once. */
export const UNKNOWN_SLOTS_ELEMENTS = 64;

export interface ElementsPlan {
  readonly elements: number;
  /** In plain words, which figure decided. */
  readonly reason: string;
}

/**
 * Elements for `tasks` claimable tasks. `slots`: elements the partition can run at once, null when unknown. `fed`: the most that rate limits can
 * keep busy, null when nothing is known of that.
 */
export function planElements(
  slurm: Pick<SlurmSpec, 'elements' | 'throttle'>,
  tasks: number,
  slots: number | null,
  fed: FedElements | null = null,
): ElementsPlan {
  if (slurm.elements === 'tasks')
    return { elements: tasks, reason: 'slurm.elements: tasks gives every task an element' };
  if (slurm.elements !== 'auto')
    return pickSmallest([
      [tasks, 'one a task is the most that can help'],
      [slurm.elements, 'slurm.elements asks for this many'],
    ]);
  return pickSmallest([
    [tasks, 'one a task is the most that can help'],
    [
      slots ?? UNKNOWN_SLOTS_ELEMENTS,
      slots === null ? 'the partition does not say what it can run at once' : 'the partition can run this many at once',
    ],
    [slurm.throttle ?? Infinity, 'slurm.throttle lets this many run at once'],
    [fed?.elements ?? Infinity, fed?.reason ?? ''],
    [MAX_AUTO_ELEMENTS, 'this is the most slurmctl chooses by itself'],
  ]);
}

function pickSmallest(candidates: readonly (readonly [number, string])[]): ElementsPlan {
  const [elements, reason] = candidates.reduce((best, next) => (next[0] < best[0] ? next : best));
  return { elements: Math.max(1, elements), reason };
}

export interface ArrayChunk {
  /** Number of the chunk's first element within the wave; its array indices are 0…elements−1. */
  readonly offset: number;
  readonly elements: number;
}

/** Cuts a wave into arrays of at most `maxArraySize` elements, as even as possible. */
export function planChunks(elements: number, maxArraySize: number): ArrayChunk[] {
  const count = Math.ceil(elements / maxArraySize);
  const chunks: ArrayChunk[] = [];
  let offset = 0;
  for (let left = count; left > 0; left -= 1) {
    const size = Math.ceil((elements - offset) / left);
    chunks.push({ offset, elements: size });
    offset += size;
  }
  return chunks;
}

/** The share of the throttle a chunk gets, so that all chunks together keep it; undefined without a throttle. */
export function chunkThrottle(
  chunk: ArrayChunk,
  waveElements: number,
  throttle: number | undefined,
): number | undefined {
  if (throttle === undefined || throttle >= waveElements) return undefined;
  return Math.max(1, Math.floor((throttle * chunk.elements) / waveElements));
}

/**
 * Fits what the groups of a wave would like into `room`, elements that may be added at once: in proportion, but at least one each while it lasts.
 * A group that gets none waits until elements have ended.
 */
export function shareRoom(wanted: readonly number[], room: number): number[] {
  const total = wanted.reduce((sum, elements) => sum + elements, 0);
  if (total <= room) return [...wanted];
  let left = Math.max(0, room);
  return wanted.map((elements) => {
    const share = Math.min(left, Math.max(1, Math.floor((elements * room) / total)));
    left -= share;
    return share;
  });
}
