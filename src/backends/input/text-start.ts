import { malformed } from './malformed.ts';

const SNIFFED_BYTES = 64 * 1024;

const startsWith = (bytes: Uint8Array, prefix: readonly number[]): boolean =>
  prefix.every((byte, index) => bytes[index] === byte);

const KNOWN_STARTS: readonly { readonly prefix: readonly number[]; readonly what: string; readonly hint: string }[] = [
  { prefix: [0x1f, 0x8b], what: 'gzip data', hint: 'Give the file a name that ends in .gz' },
  { prefix: [0x28, 0xb5, 0x2f, 0xfd], what: 'zstd data', hint: 'Give the file a name that ends in .zst' },
  { prefix: [0x50, 0x41, 0x52, 0x31], what: 'a Parquet file', hint: 'Give the file a name that ends in .parquet' },
  { prefix: [0xff, 0xfe], what: 'UTF-16 text', hint: 'Convert it: iconv -f UTF-16 -t UTF-8' },
  { prefix: [0xfe, 0xff], what: 'UTF-16 text', hint: 'Convert it: iconv -f UTF-16 -t UTF-8' },
];

/** The longest of the known starts; a stream may deliver its first bytes one by one. */
const START_BYTES = 4;

/**
 * Passes a text stream on without its UTF-8 byte order mark. Says early and once that an input is not text, instead of leaving each of
 * its "lines" to be called malformed.
 * @throws INPUT_MALFORMED when the first 64 KiB have a zero byte or begin like a known binary format
 */
export async function* checkedText(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | null = new Uint8Array();
  let seen = 0;
  for await (const read of source) {
    checkZeros(read, seen, file);
    seen += read.length;
    if (held === null) {
      yield read;
      continue;
    }
    held = held.length === 0 ? read : Buffer.concat([held, read]);
    if (held.length < START_BYTES) continue;
    yield checkedStart(held, file);
    held = null;
  }
  if (held !== null && held.length > 0) yield checkedStart(held, file);
}

function checkZeros(bytes: Uint8Array, offset: number, file: string): void {
  if (offset >= SNIFFED_BYTES) return;
  const zeroAt = bytes.subarray(0, SNIFFED_BYTES - offset).indexOf(0);
  if (zeroAt < 0) return;
  // The start of a binary format with a name is the better message, if it came in this read.
  if (offset === 0) checkedStart(bytes, file);
  const message = `not text: byte 0x00 at offset ${offset + zeroAt}`;
  throw malformed({ file, message, hint: 'Check that this is the right file' });
}

function checkedStart(bytes: Uint8Array, file: string): Uint8Array {
  const known = KNOWN_STARTS.find(({ prefix }) => startsWith(bytes, prefix));
  if (known !== undefined)
    throw malformed({ file, message: `not UTF-8 text: it begins like ${known.what}`, hint: known.hint });
  return startsWith(bytes, [0xef, 0xbb, 0xbf]) ? bytes.subarray(3) : bytes;
}
