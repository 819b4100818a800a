/**
 * Definition levels of an optional flat column (0 null, 1 value) in Parquet's RLE/bit-packed hybrid of bit width 1, without the
 * length prefix (data page v2). One run is enough: repeated when all rows agree, else bit-packed.
 */
export function encodeLevels(defined: Uint8Array, nulls: number): Uint8Array {
  const rows = defined.length;
  if (rows === 0) return new Uint8Array(0);
  if (nulls === 0) return Uint8Array.from([...varint(rows * 2), 1]);
  if (nulls === rows) return Uint8Array.from([...varint(rows * 2), 0]);
  const groups = Math.ceil(rows / 8);
  const header = varint(groups * 2 + 1);
  const bytes = new Uint8Array(header.length + groups);
  bytes.set(header);
  for (let row = 0; row < rows; row += 1) {
    const byte = header.length + (row >> 3);
    bytes[byte] = (bytes[byte] as number) | ((defined[row] as number) << (row & 7));
  }
  return bytes;
}

/** Unsigned LEB128. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}
