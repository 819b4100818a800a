import { outputColumns } from './columns-type.ts';
import { defaulted, optional } from './key-table.ts';
import { choice } from './plain-types.ts';

/** Keys about the finished table. */
export const outputKeys = {
  output: defaulted(choice(['json', 'infer']), 'json', {
    meaning:
      'Columns of the finished table after the fixed ones: one `output` column of JSON (`json`), columns found from what the handler returned (`infer`), or `columns`.',
    example: 'infer',
  }),
  'output.columns': optional(outputColumns(), 'see `output`', {
    meaning:
      'Names and types of the columns: string, int, bigint, double, bool, timestamp, json. A value that does not fit fails its item; null and a missing key are NULL.',
    example: '{score: double, label: string}',
  }),
} as const;
