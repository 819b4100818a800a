/**
 * A strict reader of the text format of Prometheus, version 0.0.4. Stricter than Prometheus itself, which takes samples of a family in several places; the
 * textfile collector does not. Source: prometheus.io/docs/instrumenting/exposition_formats
 */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface ReadFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ReadSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const UNESCAPED: Readonly<Record<string, string>> = { '\\': '\\', n: '\n', '"': '"' };

/** Families by name. @throws Error naming the line that is wrong */
export function readPrometheusText(text: string): ReadonlyMap<string, ReadFamily> {
  const families = new Map<string, { help: string; type: string; samples: ReadSample[] }>();
  const seen = new Set<string>();
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  let current = '';
  const lines = text.split('\n').slice(0, -1);
  for (const [at, line] of lines.entries()) {
    const wrong = (what: string): Error => new Error(`line ${at + 1}: ${what}: ${JSON.stringify(line)}`);
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    if (help !== null) {
      const [, name = '', words = ''] = help;
      if (!NAME.test(name) || families.has(name)) throw wrong('a name that is none, or a second HELP');
      if (/\\(?![\\n])/.test(words)) throw wrong('an escape that HELP does not have');
      families.set(name, { help: words, type: '', samples: [] });
      current = name;
      continue;
    }
    const type = /^# TYPE (\S+) (gauge|counter)$/.exec(line);
    const family = families.get(current);
    if (family === undefined) throw wrong('no HELP before it');
    if (type !== null) {
      if (type[1] !== current || family.type !== '') throw wrong('TYPE of another family, or a second one');
      family.type = type[2] as string;
      continue;
    }
    const sample = readSample(line);
    if (sample === null) throw wrong('no sample');
    if (sample.name !== current || family.type === '') throw wrong('a sample outside its family');
    if (family.type === 'counter' && !sample.name.endsWith('_total')) throw wrong('a counter without _total');
    const series = JSON.stringify([
      sample.name,
      Object.entries(sample.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]);
    if (seen.has(series)) throw wrong('a series that was there before');
    seen.add(series);
    family.samples.push(sample);
  }
  return families;
}

function readSample(line: string): ReadSample | null {
  const head = /^([^\s{]+)(\{)?/.exec(line);
  if (head === null || !NAME.test(head[1] as string)) return null;
  const labels: Record<string, string> = {};
  let rest = line.slice(head[0].length);
  while (head[2] !== undefined && !rest.startsWith('}')) {
    const pair = /^([^=]+)="((?:[^"\\]|\\[\\n"])*)"(?:,(?=[^}])|(?=\}))/.exec(rest);
    if (pair === null) return null;
    const [all, label = '', value = ''] = pair;
    if (!LABEL.test(label) || label.startsWith('__') || Object.hasOwn(labels, label)) return null;
    labels[label] = value.replaceAll(/\\(.)/g, (_, escaped: string) => UNESCAPED[escaped] ?? '');
    rest = rest.slice(all.length);
  }
  const value = /^\}? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(rest)?.[1];
  if (value === undefined || rest.startsWith('}') !== (head[2] !== undefined)) return null;
  return { name: head[1] as string, labels, value: Number(value.replace('Inf', 'Infinity')) };
}
