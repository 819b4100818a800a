import { isUtf8 } from 'node:buffer';
import { formatBytes } from '../../domain/units.ts';
import type { InputChunk } from '../../ports/input-source.ts';
import { createChunkBuilder } from './chunk-builder.ts';
import type { TextOptions } from './jsonl.ts';
import { malformed } from './malformed.ts';
import { forEachLine, MAX_LINE_BYTES, wholeLines } from './whole-lines.ts';

/** Plain text: each line is a record, its payload the line as a JSON string. Blank lines are skipped. */
export async function* readTxt(source: AsyncIterable<Uint8Array>, options: TextOptions): AsyncGenerator<InputChunk> {
  const { file, idField, maxLineBytes = MAX_LINE_BYTES } = options;
  if (idField !== undefined)
    throw malformed({
      file,
      message: `input.id names the field ${JSON.stringify(idField)}, but lines of text have no fields`,
      hint: 'Leave input.id out, or give the input as .jsonl or .csv',
    });
  let line = 1;
  const tooLong = (): Error =>
    malformed({ file, line, message: `the line is longer than ${formatBytes(maxLineBytes)}` });
  const builder = createChunkBuilder({ ids: false, lines: true });
  for await (const bytes of wholeLines(source, { file, tooLong, maxLineBytes })) {
    const valid = isUtf8(bytes);
    line += forEachLine(bytes, (start, end, inChunk) => {
      const record = bytes.subarray(start, end);
      const place = { line: line + inChunk };
      if (valid || isUtf8(record)) builder.add(JSON.stringify(bytes.toString('utf8', start, end)), place);
      else builder.addBad(record, { ...place, message: 'the line is not valid UTF-8' });
    });
    const chunk = builder.take();
    if (chunk !== null) yield chunk;
  }
}
