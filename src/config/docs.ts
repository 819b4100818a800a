import { AWS_NAMES, AWS_VARIABLES } from './aws-keys.ts';
import { keysBelow, type KeyRow, type KeyTable } from './key-table.ts';
import { JOB_KEYS } from './job-keys.ts';
import { profileKeys, SETTING_NAMES, settingsKeys, variableOf } from './settings-keys.ts';

const GENERATED = '<!-- Generated from the schema in src/config; do not edit. -->';

/** What each part of a job file is about, in the order of the page. */
const SECTIONS: readonly (readonly [key: string, title: string, words: string])[] = [
  ['name', '`name`', ''],
  ['input', '`input`: where the items come from', 'Exactly one of `file`, `files`, `grid` and `command`.'],
  ['batch', '`batch`: how many items make a task', ''],
  ['handler', '`handler`: what is done with an item', 'Exactly one of `module` and `command`.'],
  ['resources', '`resources`: what one array element gets', ''],
  [
    'slurm',
    '`slurm`: how the job goes through the cluster',
    'Without effect on the local scheduler, apart from `elements` and `throttle`.',
  ],
  [
    'retry',
    '`retry`: what happens when something fails',
    'Causes and rules are described in [failures.md](failures.md).',
  ],
  [
    'limits',
    '`limits`: rates that jobs share',
    'A list of `{name, rate, cost}` and more; all keys of a limit are in [limits.md](limits.md).',
  ],
  ['pools', '`pools`: slots that jobs share', 'A list of `{name, slots, priority, per}`; see [limits.md](limits.md).'],
  ['concurrency', '`concurrency`: jobs that do not run together', ''],
  ['checkpoint', '`checkpoint`: how much work can be lost', ''],
  ['logs', '`logs`: how much is kept of what handlers write', 'See [logs.md](logs.md).'],
  ['output', '`output`: the columns of the finished table', ''],
  ['on', '`on`: what is run when the job ends', 'See [alerts.md](alerts.md).'],
  ['alerts', '`alerts`: who is told what', 'A list of `{when, to}` and more; all of it is in [alerts.md](alerts.md).'],
];

/** A job file with every section in it; a test loads it. */
export const JOB_FILE_EXAMPLE = `name: embed-abstracts
input:
  file: data/abstracts.jsonl
  id: doc_id
batch: {items: 200, bytes: 16MiB}
handler:
  module: ./handler.mjs
  concurrency: 8
  timeout: 30s
resources: {cpus: 1, memory: 2G, time: 30m}
slurm: {partition: main, account: abc123, throttle: 200, extra: ["--constraint=ib"]}
retry: {items: 3, attempts: 3, tolerate: {items: 1%}}
limits: [{name: openai, rate: 3000/min, tokens: 250k/min, cost: {tokens: "{payload.tokens}"}, daily: 1M}]
pools: [{name: db, slots: 20}]
concurrency: {group: nightly, max: 1}
checkpoint: {every: 30s}
logs: {level: info, size: 4MiB, item: 64KiB}
output: {columns: {score: double, label: string}}
on: {failed: [sh, notify.sh]}
alerts: [{when: failed, to: me@example.org}, {when: stall, for: 30m, to: me@example.org}]
`;

/** The text of docs/job-file.md. */
export function renderJobFileDocs(): string {
  const missing = keysBelow(JOB_KEYS, '').filter((key) => !SECTIONS.some(([known]) => known === key));
  if (missing.length > 0) throw new Error(`docs/job-file.md has no section for ${missing.join(', ')}`);
  const sections = SECTIONS.flatMap(([key, title, words]) => [
    `## ${title}`,
    '',
    ...(words === '' ? [] : [words, '']),
    ...keyTable(rowsOf(JOB_KEYS, key)),
    '',
  ]);
  return (
    [
      '# The job file',
      '',
      GENERATED,
      '',
      'A job file says what a job does: where its items come from, what is done with each, and what the result looks like. It is YAML 1.2;',
      'anchors work. Only `input` and `handler` must be there. Relative paths start from the directory of the job file.',
      '',
      '```yaml',
      JOB_FILE_EXAMPLE.trimEnd(),
      '```',
      '',
      '`slurmctl plan job.yaml` checks everything and shows what would be submitted. All problems are shown at once, with line and column, and',
      'nothing is written. `--set key=value` puts a value over the file for one submission, such as `--set batch.items=50`; relative paths in it',
      'start from the current directory.',
      '',
      '[job-file.schema.json](job-file.schema.json) is a JSON Schema of all this. Editors with a YAML language server complete keys and mark mistakes when',
      'a job file begins with `# yaml-language-server: $schema=/path/to/slurmctl/docs/job-file.schema.json`.',
      '',
      'Durations have a unit (`500ms`, `30s`, `10m`, `1h30m`, `2d`), and so have sizes (`512K`, `16MiB`, `2G`; all count in 1024).',
      '',
      ...sections,
    ]
      .join('\n')
      .trimEnd() + '\n'
  );
}

/** The text of docs/settings.md. */
export function renderSettingsDocs(): string {
  const own = settingsKeys(undefined);
  const words = SETTING_NAMES.map((name) => `| \`${name}\` | \`--${name}\` | \`${variableOf(name)}\` |`);
  return (
    [
      '# Settings',
      '',
      GENERATED,
      '',
      'Settings say where jobs are kept and where they run. What a job does is in its [job file](job-file.md). For each setting the first of',
      'these counts, and `slurmctl doctor` shows which one it was:',
      '',
      '1. the flag',
      '2. the environment variable',
      '3. the chosen profile, first from the nearest `slurmctl.yaml`, then from your own settings file',
      '4. the nearest `slurmctl.yaml`, in the directory of the job file (or the current one) or above it',
      '5. your own settings file, `$XDG_CONFIG_HOME/slurmctl/config.yaml` or `~/.config/slurmctl/config.yaml`',
      '6. the default',
      '',
      '| Setting | Flag | Variable |',
      '| --- | --- | --- |',
      ...words,
      `| \`profile\` | \`--profile\` | \`${variableOf('profile')}\` |`,
      '',
      'Relative paths start from the directory of the settings file; in a flag or a variable, from the current directory. A leading `~/` is your',
      'home directory.',
      '',
      '## Buckets, tables and queues',
      '',
      'Directories and services mix freely: objects in a bucket and states in a directory, or the other way round. An address may say all that',
      'leads to its service, and then beats everything below:',
      '',
      '`s3://bucket/prefix?region=eu-central-1&endpoint=https://rgw.example.org:7480&path-style=true&checksums=when-required&profile=cluster&role=arn:…`',
      '',
      'What it does not say comes from these variables of the AWS tools, then from `aws:` in profile and settings files; what nobody says is left',
      "to the SDK's usual places (`~/.aws/config`, the instance). `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` switches the endpoint variables off.",
      'A job remembers the addresses that came of it, so later changes of settings do not lead it astray. Credentials are never part of an address:',
      'they come from the usual places on each host (environment, shared files, role of the instance).',
      '',
      '| Setting | Variable |',
      '| --- | --- |',
      ...AWS_NAMES.flatMap((name) => {
        const variables = AWS_VARIABLES[name] ?? [];
        return variables.length === 0 ? [] : [`| \`${name}\` | ${variables.map(code).join(', then ')} |`];
      }),
      '',
      '## Keys of a settings file',
      '',
      ...keyTable(Object.entries({ ...own, ...profileKeys() })),
      '',
      '## Profiles',
      '',
      '```yaml',
      SETTINGS_EXAMPLE.trimEnd(),
      '```',
    ].join('\n') + '\n'
  );
}

/** A settings file with profiles; a test loads it. */
export const SETTINGS_EXAMPLE = `home: /scratch/me/slurmctl
profiles:
  laptop: {home: ~/slurmctl, scheduler: local}
  cluster: {scheduler: slurm}
  cloud:
    store: s3://my-bucket/slurmctl
    state: dynamodb://slurmctl
    queue: sqs://slurmctl
    aws: {region: eu-central-1}
channels:
  team: {slack: file:~/.slurmctl-slack}
alerts:
  - {when: failed, to: [team, me@example.org]}
`;

type NamedRow = readonly [path: string, row: KeyRow];

const rowsOf = (table: KeyTable, key: string): NamedRow[] =>
  Object.entries(table).filter(([path]) => path === key || path.startsWith(`${key}.`));

function keyTable(rows: readonly NamedRow[]): string[] {
  const lines = rows.map(([path, row]) => {
    const without = row.kind === 'defaulted' ? code(row.default) : row.without;
    const cells = [
      code(path),
      row.type.expected,
      without,
      row.meaning,
      code(`${path.split('.').at(-1)}: ${row.example}`),
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return ['| Key | Type | Default | Meaning | Example |', '| --- | --- | --- | --- | --- |', ...lines];
}

const code = (words: string): string => `\`${words}\``;
/** A bar would end the cell, also inside code. */
const cell = (words: string): string => words.replaceAll('|', '\\|').replaceAll('\n', ' ');
