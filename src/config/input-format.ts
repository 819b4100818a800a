import { basename } from 'node:path';
import type { Compression, FileFormat } from '../domain/job-spec.ts';

const ENDINGS: Readonly<Record<string, FileFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  txt: 'txt',
  parquet: 'parquet',
};
const PACKED: Readonly<Record<string, Compression>> = { gz: 'gzip', zst: 'zstd' };

const SUPPORTED = '.jsonl, .ndjson, .csv, .tsv, .txt, .parquet, and .gz or .zst of the text formats';

/** What to do about endings people try often. */
const OTHER_ENDINGS: Readonly<Record<string, string>> = {
  json: "Write one JSON value a line (jq -c '.[]') and name it .jsonl",
  xlsx: 'Save it as .csv',
  zip: 'Unpack it, or pack the file with gzip',
  bz2: 'Pack it with gzip or zstd',
  xz: 'Pack it with gzip or zstd',
};

type InputFormat =
  | { readonly format: FileFormat; readonly compression: Compression }
  | { readonly problem: string; readonly hint: string };

/** Format and compression by the ending of the name; `given` (input.format) wins over the ending of the format. */
export function inputFormatOf(path: string, given: FileFormat | undefined): InputFormat {
  const endings = basename(path).toLowerCase().split('.').slice(1);
  const compression = PACKED[endings.at(-1) ?? ''] ?? 'none';
  const ending = (compression === 'none' ? endings.at(-1) : endings.at(-2)) ?? '';
  const format = given ?? ENDINGS[ending];
  if (format === undefined) {
    const found = ending === '' ? 'a name without an ending' : `the ending .${ending}`;
    const hint = OTHER_ENDINGS[ending] ?? 'Rename the file, or say what it is with input.format';
    return { problem: `found ${found}, expected ${SUPPORTED}`, hint };
  }
  if (format === 'parquet' && compression !== 'none')
    return {
      problem: 'found a packed Parquet file, expected .parquet',
      hint: 'Unpack it; Parquet is compressed inside',
    };
  return { format, compression };
}
