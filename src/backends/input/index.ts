/**
 * Input sources: turns what the job file names (a file, a pattern, a grid, a command) into records, streamed.
 * Never holds an input in memory (the names a pattern matches excepted), never runs a shell, never guesses at a record it cannot parse.
 * Fails with INPUT_UNREADABLE, INPUT_MALFORMED, INPUT_COMMAND_FAILED.
 */
import type { InputSpec } from '../../domain/job-spec.ts';
import type { InputChunk, InputSources } from '../../ports/input-source.ts';
import { commandBytes } from './command-bytes.ts';
import { readDelimited } from './delimited.ts';
import { fileBytes } from './file-bytes.ts';
import { readFiles } from './files.ts';
import { readGrid } from './grid.ts';
import { readJsonl } from './jsonl.ts';
import { malformed } from './malformed.ts';
import { readParquet } from './parquet.ts';
import { readTxt } from './txt.ts';

export { createIdLedgers } from './id-ledger.ts';

export function createInputSources(): InputSources {
  return {
    open(spec, signal) {
      switch (spec.kind) {
        case 'file':
          return openFile(spec, signal);
        case 'files':
          return readFiles({ pattern: spec.pattern, baseDir: spec.baseDir, idField: spec.id, signal });
        case 'grid':
          return readGrid(spec.axes, spec.id);
        case 'command': {
          const bytes = commandBytes({ argv: spec.argv, cwd: spec.cwd, signal });
          const options = { file: `input.command ${JSON.stringify(spec.argv)}`, idField: spec.id };
          return spec.format === 'jsonl' ? readJsonl(bytes, options) : readTxt(bytes, options);
        }
      }
    },
  };
}

function openFile(spec: InputSpec & { kind: 'file' }, signal: AbortSignal | undefined): AsyncIterable<InputChunk> {
  const { path, format, compression, id: idField } = spec;
  if (format === 'parquet') {
    if (compression !== 'none')
      throw malformed({
        file: path,
        message: `${compression} around Parquet`,
        hint: 'Decompress it: Parquet compresses its own pages',
      });
    return readParquet({ path, idField, signal });
  }
  const bytes = fileBytes(path, compression, signal);
  switch (format) {
    case 'jsonl':
      return readJsonl(bytes, { file: path, idField });
    case 'txt':
      return readTxt(bytes, { file: path, idField });
    case 'csv':
      return readDelimited(bytes, { file: path, idField, delimiter: ',' });
    case 'tsv':
      return readDelimited(bytes, { file: path, idField, delimiter: '\t' });
  }
}
