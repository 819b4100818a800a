import { redactStart } from '../domain/redact.ts';

/** More of a line than this is cut. */
const MOST_CHARS = 256 * 1024;
/** Of what is cut enough is read to know a secret by. */
const KEPT_BYTES = MOST_CHARS + 64 * 1024;

interface CutLine {
  readonly text: string;
  /** Of the line with its end. */
  readonly bytes: number;
  /** False: the last one, which no line feed ends. */
  readonly isWhole: boolean;
}

const LINE_FEED = 0x0a;

/** Lines of UTF-8, each cut at `MOST_CHARS`. */
export async function* linesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CutLine> {
  let pieces: Uint8Array[] = [];
  let kept = 0;
  let bytes = 0;
  const keep = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (kept >= KEPT_BYTES) return;
    pieces.push(piece);
    kept += piece.length;
  };
  const take = (isWhole: boolean): CutLine => {
    const text = Buffer.concat(pieces)
      .toString('utf8')
      .replace(/\r?\n?$/, '');
    const isCut = bytes > kept;
    const line = {
      text: isCut || text.length > MOST_CHARS ? redactStart(text, MOST_CHARS, isCut) : text,
      bytes,
      isWhole,
    };
    pieces = [];
    kept = 0;
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      keep(chunk.subarray(from, end + 1));
      yield take(true);
      from = end + 1;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (bytes > 0) yield take(false);
}
