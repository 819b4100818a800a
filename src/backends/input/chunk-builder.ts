import type { BadRecord, InputChunk } from '../../ports/input-source.ts';

/** A chunk is handed on when it holds this much or this many. */
const CHUNK_BYTES = 256 * 1024;
const CHUNK_RECORDS = 4096;

/** The raw text a bad record keeps: enough to recognise it, bounded because it may be anything. */
export const MAX_RAW_BYTES = 64 * 1024;

export interface RecordPlace {
  /** 1-based line or row; required when the builder keeps lines. */
  readonly line?: number;
  readonly id?: string;
}

/** Collects records into the columns of an `InputChunk`. */
export interface ChunkBuilder {
  /** One record as JSON text without line breaks, or as the bytes of it. */
  add(json: string | Uint8Array, place: RecordPlace): void;
  /** A record that cannot be used, with its raw bytes or text. */
  addBad(
    raw: string | Uint8Array,
    problem: { readonly message: string; readonly column?: number; readonly line?: number },
  ): void;
  full(): boolean;
  /** The chunk so far, leaving the builder empty; null when there is none. */
  take(): InputChunk | null;
}

export function createChunkBuilder(keep: { readonly ids: boolean; readonly lines: boolean }): ChunkBuilder {
  let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let used = 0;
  let ends: number[] = [];
  let lines: number[] = [];
  let ids: string[] = [];
  let bad: BadRecord[] = [];

  const reserve = (bytes: number): void => {
    if (used + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + bytes));
    buffer.copy(larger, 0, 0, used);
    buffer = larger;
  };

  const add: ChunkBuilder['add'] = (json, place) => {
    // UTF-8 takes at most three bytes a UTF-16 unit; measuring exactly would cost a second pass.
    reserve((typeof json === 'string' ? json.length * 3 : json.length) + 1);
    if (typeof json === 'string') used += buffer.write(json, used, 'utf8');
    else {
      buffer.set(json, used);
      used += json.length;
    }
    buffer[used++] = 0x0a;
    ends.push(used);
    if (keep.lines) lines.push(place.line ?? 0);
    if (keep.ids) ids.push(place.id ?? '');
  };

  return {
    add,
    addBad(raw, { message, column, line }) {
      bad.push({ index: ends.length, message, ...(column === undefined ? {} : { column }) });
      add(JSON.stringify(boundedText(raw)), line === undefined ? {} : { line });
    },
    full: () => used >= CHUNK_BYTES || ends.length >= CHUNK_RECORDS,
    take() {
      if (ends.length === 0) return null;
      const chunk: InputChunk = {
        bytes: buffer.subarray(0, used),
        ends,
        bad,
        ...(keep.lines ? { lines } : {}),
        ...(keep.ids ? { ids } : {}),
      };
      buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      used = 0;
      [ends, lines, ids, bad] = [[], [], [], []];
      return chunk;
    },
  };
}

function boundedText(raw: string | Uint8Array): string {
  const bytes = typeof raw === 'string' ? Buffer.from(raw.slice(0, MAX_RAW_BYTES)) : raw;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, MAX_RAW_BYTES));
}
