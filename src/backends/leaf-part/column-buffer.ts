/** Bytes of one Parquet column in PLAIN encoding, grown as values come; `null` only sets a definition level. */
export interface ColumnBuffer {
  readonly name: string;
  readonly physical: PhysicalType;
  readonly optional: boolean;
  push(value: string | number | bigint | boolean | null): void;
  /** Bytes held so far. */
  bytes(): number;
  /** What was pushed since the last call. The view is valid until the next push. */
  take(): ColumnPage;
}

export interface ColumnPage {
  readonly values: Uint8Array;
  /** 1 for a value, 0 for null; one a row. */
  readonly defined: Uint8Array;
  readonly rows: number;
  readonly nulls: number;
}

/** Names of parquetjs-lite, which decide physical and converted type in the file. */
export type PhysicalType = 'UTF8' | 'INT32' | 'INT64' | 'DOUBLE' | 'BOOLEAN' | 'TIMESTAMP_MILLIS';

/** UTF-8 takes at most three bytes a UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;
const FIRST_BYTES = 16 * 1024;

/** A `required` column treats null as a bug. */
export function createColumnBuffer(name: string, physical: PhysicalType, optional: boolean): ColumnBuffer {
  let values: Buffer<ArrayBufferLike> = Buffer.allocUnsafe(FIRST_BYTES);
  let used = 0;
  let defined = new Uint8Array(1024);
  let rows = 0;
  let nulls = 0;

  const room = (bytes: number): void => {
    if (used + bytes <= values.length) return;
    const larger = Buffer.allocUnsafe(Math.max(values.length * 2, used + bytes));
    values.copy(larger, 0, 0, used);
    values = larger;
  };
  const write = valueWriter(physical, {
    reserve(bytes) {
      room(bytes);
      return values;
    },
    at: () => used,
    advance(bytes) {
      used += bytes;
    },
  });

  return {
    name,
    physical,
    optional,
    push(value) {
      if (rows === defined.length) {
        const longer = new Uint8Array(rows * 2);
        longer.set(defined);
        defined = longer;
      }
      defined[rows] = value === null ? 0 : 1;
      rows += 1;
      if (value !== null) return write(value, rows - nulls - 1);
      if (!optional) throw new Error(`column ${name} is required and got null`);
      nulls += 1;
    },
    bytes: () => used,
    take() {
      const page = { values: values.subarray(0, used), defined: defined.subarray(0, rows), rows, nulls };
      // A giant value must not keep its buffer for the rest of the file, and the page is a view of the old one.
      values = Buffer.allocUnsafe(FIRST_BYTES);
      defined = new Uint8Array(1024);
      used = 0;
      rows = 0;
      nulls = 0;
      return page;
    },
  };
}

interface Target {
  /** The buffer, with room for so many more bytes. */
  reserve(bytes: number): Buffer;
  at(): number;
  advance(bytes: number): void;
}
type Write = (value: string | number | bigint | boolean, ordinal: number) => void;

function valueWriter(physical: PhysicalType, target: Target): Write {
  switch (physical) {
    case 'UTF8':
      return (value) => {
        const text = value as string;
        const buffer = target.reserve(4 + text.length * UTF8_BYTES_PER_UNIT);
        const start = target.at();
        const length = buffer.write(text, start + 4, 'utf8');
        buffer.writeUInt32LE(length, start);
        target.advance(4 + length);
      };
    case 'INT32':
      return (value) => {
        target.reserve(4).writeInt32LE(Number(value), target.at());
        target.advance(4);
      };
    case 'INT64':
    case 'TIMESTAMP_MILLIS':
      return (value) => {
        target.reserve(8).writeBigInt64LE(BigInt(value), target.at());
        target.advance(8);
      };
    case 'DOUBLE':
      return (value) => {
        target.reserve(8).writeDoubleLE(Number(value), target.at());
        target.advance(8);
      };
    case 'BOOLEAN':
      return (value, ordinal) => {
        const bit = ordinal % 8;
        if (bit === 0) {
          target.reserve(1).writeUInt8(0, target.at());
          target.advance(1);
        }
        const buffer = target.reserve(0);
        const last = target.at() - 1;
        if (value === true) buffer.writeUInt8((buffer.readUInt8(last) | (1 << bit)) & 0xff, last);
      };
  }
}
