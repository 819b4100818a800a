import { messageOf } from '../../errors/app-error.ts';
import { malformed } from './malformed.ts';

/** Small pieces bound both what one push decompresses at once and how deep the decoder recurses over tiny frames. */
const PUSH_BYTES = 32 * 1024;

/**
 * Decompresses zstd, several frames included. Memory: the frame's window (8 MiB up to `zstd -19`, 2 GiB with `--long=31`).
 * Content checksums are not verified. @throws INPUT_MALFORMED naming the compressed byte reached
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let out: Uint8Array[] = [];
  const decoder = new Decompress((data) => out.push(data));
  let fed = 0;
  const push = (piece: Uint8Array, last: boolean): void => {
    try {
      decoder.push(piece, last);
    } catch (error) {
      const reason = messageOf(error);
      throw malformed({
        file,
        message: `broken zstd data near byte ${fed}: ${reason === 'unexpected EOF' ? 'the file is cut off' : reason}`,
        hint: `Fetch or compress the file again; check it with: zstd -t ${JSON.stringify(file)}`,
        cause: error,
      });
    }
    fed += piece.length;
  };
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PUSH_BYTES) {
      push(chunk.subarray(at, at + PUSH_BYTES), false);
      if (out.length > 0) yield Buffer.concat(out);
      out = [];
    }
  }
  push(new Uint8Array(), true);
  const rest = Buffer.concat(out);
  if (rest.length > 0) yield rest;
}
