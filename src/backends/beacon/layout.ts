/**
 * The file of a beacon: a head with the task as JSON, then one slot of four bytes for each item in flight, all little-endian. Each write is far
 * below a page, so whoever reads after the writer's death finds it whole or not at all. Never synced: it is of no use once the node is gone.
 */
import type { BeaconReading, BeaconTask } from '../../ports/beacon.ts';

/** Bytes 0–3: length of the JSON, 0 without a task; then the JSON. */
export const HEAD_BYTES = 2_048;
/** Why the process ended: 0 unknown, 1 the handler was stuck, 256 + code: it ended itself. */
export const END_OFFSET = HEAD_BYTES - 4;
export const STUCK = 1;
export const EXITED = 256;
const JSON_OFFSET = 4;
/** A slot holds the item's number + 1; 0: it is free. */
export const SLOT_BYTES = 4;

export const slotOffset = (slot: number): number => HEAD_BYTES + slot * SLOT_BYTES;

/** Head and `slots` free slots. @throws RangeError when the task does not fit */
export function encodeHead(task: BeaconTask, slots: number): Uint8Array {
  const json = Buffer.from(JSON.stringify(task));
  if (json.length > END_OFFSET - JSON_OFFSET) throw new RangeError(`a task of ${json.length} bytes does not fit`);
  const bytes = Buffer.alloc(slotOffset(slots));
  bytes.writeUInt32LE(json.length, 0);
  json.copy(bytes, JSON_OFFSET);
  return bytes;
}

/** Null: no task, or no beacon. */
export function decode(bytes: Buffer): BeaconReading | null {
  if (bytes.length < HEAD_BYTES) return null;
  const length = bytes.readUInt32LE(0);
  if (length === 0 || length > END_OFFSET - JSON_OFFSET) return null;
  const task = parse(bytes.toString('utf8', JSON_OFFSET, JSON_OFFSET + length));
  if (task === null) return null;
  const end = bytes.readUInt32LE(END_OFFSET);
  return {
    task,
    inFlight: inFlightOf(bytes),
    stuck: end === STUCK,
    ...(end >= EXITED ? { exitCode: end - EXITED } : {}),
  };
}

function parse(json: string): BeaconTask | null {
  try {
    const task = JSON.parse(json) as Partial<BeaconTask> | null;
    return typeof task?.job === 'string' && typeof task.key?.sort === 'string' && typeof task.attempt === 'string'
      ? (task as BeaconTask)
      : null;
  } catch {
    return null;
  }
}

function inFlightOf(bytes: Buffer): number[] {
  const items = new Set<number>();
  for (let at = HEAD_BYTES; at + SLOT_BYTES <= bytes.length; at += SLOT_BYTES) {
    const value = bytes.readUInt32LE(at);
    if (value > 0) items.add(value - 1);
  }
  return [...items].toSorted((a, b) => a - b);
}
