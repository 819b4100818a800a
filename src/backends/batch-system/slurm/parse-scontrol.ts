/** `Key = value` lines of `scontrol show config`. Banners and the date line hold no such pair. */
export function parseConfig(stdout: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of stdout.split(/\r?\n/)) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s?(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined && !values.has(match[1])) values.set(match[1], match[2] ?? '');
  }
  return values;
}

export interface PartitionRow {
  readonly name: string;
  readonly isDefault: boolean;
  /** Null: unlimited, or not understood. */
  readonly maxTimeMs: number | null;
  /** Most memory of one node that a job may have; null: no such limit. */
  readonly maxMemoryMb: number | null;
  readonly isUp: boolean;
}

/** Records of `scontrol -o show partition`. */
export function parsePartitions(stdout: string): PartitionRow[] {
  return stdout.split(/\r?\n/).flatMap((line) => {
    const values = new Map(
      [...line.matchAll(/(?:^|\s)([A-Za-z]+)=(\S*)/g)].map((match) => [match[1] as string, match[2] as string]),
    );
    const name = values.get('PartitionName');
    if (name === undefined || name === '') return [];
    return [
      {
        name,
        isDefault: values.get('Default') === 'YES',
        maxTimeMs: parseSlurmTimeMs(values.get('MaxTime') ?? ''),
        maxMemoryMb: parseMemoryMb(values.get('MaxMemPerNode')),
        isUp: (values.get('State') ?? 'UP') === 'UP',
      },
    ];
  });
}

/** Whole megabytes; null for UNLIMITED, 0 (which means the same) and anything else. */
export const parseMemoryMb = (text: string | undefined): number | null =>
  text !== undefined && /^[1-9]\d{0,11}$/.test(text) ? Number(text) : null;

/** `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]` in ms; null for UNLIMITED and the like. */
export function parseSlurmTimeMs(text: string): number | null {
  const match = /^(?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,2}))?(?::(\d{1,2}))?$/.exec(text.trim());
  if (match === null) return null;
  const [days, first, second, third] = match.slice(1).map((part) => (part === undefined ? null : Number(part)));
  const parts = [first ?? 0, second ?? null, third ?? null] as const;
  const seconds =
    days === null || days === undefined
      ? parts[2] !== null
        ? parts[0] * 3600 + (parts[1] ?? 0) * 60 + parts[2]
        : parts[0] * 60 + (parts[1] ?? 0)
      : days * 86_400 + parts[0] * 3600 + (parts[1] ?? 0) * 60 + (parts[2] ?? 0);
  return seconds * 1000;
}

export interface NodeRow {
  readonly name: string;
  readonly cpus: number;
  readonly memoryMb: number;
  /** False when it is down, drained, failing or reserved for maintenance. */
  readonly usable: boolean;
}

export const SINFO_FORMAT = 'NodeList:|,CPUs:|,Memory:|,StateLong:|';

/** Rows of `sinfo -h -N -p PARTITION -O SINFO_FORMAT`, one a node. */
export function parseNodes(stdout: string): NodeRow[] {
  const nodes = new Map<string, NodeRow>();
  for (const line of stdout.split(/\r?\n/)) {
    const [name = '', cpus = '', memory = '', state = ''] = line.split('|').map((field) => field.trim());
    if (!/^\d{1,6}$/.test(cpus) || !/^\d{1,12}\+?$/.test(memory) || name === '') continue;
    nodes.set(name, {
      name,
      cpus: Number(cpus),
      memoryMb: Number.parseInt(memory, 10),
      usable: !/down|drain|fail|maint|unknown|perfctrs|inval|power(?:ing)?_?down|\*$/i.test(state),
    });
  }
  return [...nodes.values()];
}
