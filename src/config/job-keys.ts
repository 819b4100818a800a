import { LEAST_MEMORY_BYTES, LEAST_TIME_MS, MOST_MEMORY_BYTES } from '../domain/resource-range.ts';
import { jobAlertKeys } from './alert-keys.ts';
import { argv } from './argv-type.ts';
import { gridAxes } from './grid-type.ts';
import { defaulted, optional } from './key-table.ts';
import { limitKeys } from './limit-keys.ts';
import { outputKeys } from './output-keys.ts';
import { choice, text, wholeNumber } from './plain-types.ts';
import { runKeys } from './run-keys.ts';
import { byteSize, duration } from './unit-types.ts';

const KIB = 1024;
const GIB = KIB ** 3;

const FILE_FORMATS = ['jsonl', 'csv', 'tsv', 'txt', 'parquet'] as const;
/** Keys of which a job file has exactly one. */
export const INPUT_SOURCES = ['file', 'files', 'grid', 'command'] as const;
export const HANDLER_KINDS = ['module', 'command'] as const;

/** Every key of a job file: what it may hold, its default, and the words of docs/job-file.md. */
export const JOB_KEYS = {
  name: optional(text({ expected: 'a name', maxLength: 200 }), 'the name of the job file without its ending', {
    meaning: 'What `list` and `status` call the job; the job id begins with it.',
    example: 'embed-abstracts',
  }),

  'input.file': optional(text({ expected: 'the path of a file' }), 'one of the input sources must be given', {
    meaning:
      'One item a record: .jsonl (or .ndjson), .csv, .tsv, .txt, .parquet, and .gz or .zst of the text formats. Relative to the job file.',
    example: 'data/abstracts.jsonl',
  }),
  'input.files': optional(
    text({ expected: 'one pattern of file names', hint: 'Join several patterns with braces: "{a,b}/**/*.png"' }),
    'one of the input sources must be given',
    {
      meaning: 'One item a matching file: `{path, bytes}`, with the absolute path. Relative to `input.base`.',
      example: '"images/**/*.png"',
    },
  ),
  'input.base': optional(text({ expected: 'the path of a directory' }), 'the directory of the job file', {
    meaning: 'The directory that the pattern of `input.files` starts from. Relative to the job file.',
    example: '../photos',
  }),
  'input.grid': optional(gridAxes(), 'one of the input sources must be given', {
    meaning:
      'A parameter sweep: one item for each combination of the axes, the last axis fastest. An axis is a list, or a range with both ends and an optional `step`.',
    example: '{alpha: [0.1, 0.2], seed: {from: 0, to: 99}}',
  }),
  'input.command': optional(argv({ template: false }), 'one of the input sources must be given', {
    meaning:
      'One item for each line this program prints. It runs once, at submit, in the directory of the job file and without a shell.',
    example: '[psql, --csv, -c, select id from papers]',
  }),
  'input.format': optional(choice(FILE_FORMATS), 'for a file, what its name ends in; for a command, txt', {
    meaning:
      'How to read the records, for a file whose name does not tell, or a command that prints JSON lines (jsonl or txt).',
    example: 'csv',
  }),
  'input.id': optional(
    text({ expected: 'the name of a field', maxLength: 200 }),
    'the position of the item in the input, from 0',
    {
      meaning: 'The field whose value identifies an item in the output. It must be different in every record.',
      example: 'doc_id',
    },
  ),
  'input.onBadRecord': defaulted(choice(['stop', 'fail-item']), 'stop', {
    meaning:
      'What a record that cannot be read does: stop the submit and say where, or become an item that has failed.',
    example: 'fail-item',
  }),

  'batch.items': defaulted(wholeNumber({ min: 1, max: 10_000_000 }), '500', {
    meaning:
      'Most items in a task. A task is what is claimed, checkpointed and committed as one; aim for some minutes of work.',
    example: '200',
  }),
  'batch.bytes': defaulted(byteSize({ min: KIB, max: GIB }), '16MiB', {
    meaning: 'Most input bytes in a task. A task closes at whichever limit comes first.',
    example: '4MiB',
  }),

  'handler.module': optional(text({ expected: 'the path of a JavaScript module' }), 'one handler must be given', {
    meaning: 'A JavaScript module whose default export is `async (item, ctx) => output`. Relative to the job file.',
    example: './handler.mjs',
  }),
  'handler.command': optional(argv({ template: true }), 'one handler must be given', {
    meaning:
      'A program run once for each item, without a shell: the item is JSON on its stdin, the output is JSON on its stdout. `{field}` in an argument is replaced by a field of the item; `{{` and `}}` are plain braces.',
    example: '[./score, "{path}"]',
  }),
  'handler.concurrency': defaulted(wholeNumber({ min: 1, max: 1024 }), '1', {
    meaning: 'Items that one worker runs at the same time.',
    example: '8',
  }),
  'handler.timeout': defaulted(duration({ minMs: 1 }), '10m', {
    meaning:
      'Longest run of one try at one item. At most `resources.time`, and `resources.time` when the default is longer.',
    example: '30s',
  }),

  'resources.cpus': defaulted(wholeNumber({ min: 1, max: 4096 }), '1', {
    meaning: 'Processors for one array element.',
    example: '4',
  }),
  'resources.memory': defaulted(byteSize({ min: LEAST_MEMORY_BYTES, max: MOST_MEMORY_BYTES }), '2G', {
    meaning: 'Memory for one array element. K, M, G and T count in 1024, as in Slurm.',
    example: '8G',
  }),
  'resources.time': defaulted(duration({ minMs: LEAST_TIME_MS }), '1h', {
    meaning: 'Time limit of one array element. A worker that sees it coming hands its unfinished items back.',
    example: '30m',
  }),

  ...runKeys,
  ...limitKeys,
  ...outputKeys,
  ...jobAlertKeys,
} as const;

/** Keys that people may expect here, with what to do instead. */
export const JOB_STRANGERS: Readonly<Record<string, string>> = {
  'handler.pool':
    'Process pools are not supported by this version; use handler.command, which starts one process an item',
  'resources.gpus': 'Ask for them with slurm.extra: ["--gpus=1"]',
  'resources.mem': 'Did you mean `memory`?',
  'resources.walltime': 'Did you mean `time`?',
  'slurm.time': 'Did you mean `resources.time`?',
  'slurm.mem': 'Did you mean `resources.memory`?',
};
