import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../errors/app-error.ts';
import { malformed } from './malformed.ts';

const OUTPUT_BYTES = 256 * 1024;
/** The byte an error names is as exact as this. */
const INPUT_BYTES = 64 * 1024;

/** Decompresses gzip, several members one after another included. @throws INPUT_MALFORMED naming the compressed byte reached */
export async function* gunzip(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let fed = 0;
  let lastByteNotZero = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      for (let at = chunk.length; at > 0 && lastByteNotZero <= fed; at -= 1)
        if (chunk[at - 1] !== 0) lastByteNotZero = fed + at;
      fed += chunk.length;
      for (let at = 0; at < chunk.length; at += INPUT_BYTES) yield chunk.subarray(at, at + INPUT_BYTES);
    }
  }
  const input = Readable.from(counted(), { objectMode: false });
  const decompressor = createGunzip({ chunkSize: OUTPUT_BYTES });
  input.on('error', (error) => decompressor.destroy(error));
  try {
    for await (const chunk of input.pipe(decompressor)) yield chunk as Uint8Array;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') !== true) throw error;
    throw broken(file, decompressor.bytesWritten, messageOf(error), error);
  } finally {
    input.destroy();
    decompressor.destroy();
  }
  // zlib stops without a word where the next member does not begin like one; zero padding is all that may follow.
  if (lastByteNotZero > decompressor.bytesWritten)
    throw broken(file, decompressor.bytesWritten, 'what follows the last gzip member is not gzip data');
}

function broken(file: string, byte: number, reason: string, cause?: unknown): Error {
  const cutOff = reason === 'unexpected end of file';
  return malformed({
    file,
    message: `broken gzip data after byte ${byte}: ${cutOff ? 'the file is cut off' : reason}`,
    hint: `Fetch or compress the file again; check it with: gzip -t ${JSON.stringify(file)}`,
    cause,
  });
}
