/** Samples in the text format of Prometheus, version 0.0.4; pure. Source: prometheus.io/docs/instrumenting/exposition_formats */
import { METRICS, type MetricName, type MetricSample } from '../../domain/metrics.ts';

/** Samples of one family. */
interface MetricGroup {
  readonly name: MetricName;
  readonly samples: readonly MetricSample[];
}

/** Families in the order of their table; those without a sample are left out. */
function groupSamples(samples: readonly MetricSample[]): MetricGroup[] {
  const byName = new Map<MetricName, MetricSample[]>();
  for (const sample of samples) {
    const group = byName.get(sample.name);
    if (group === undefined) byName.set(sample.name, [sample]);
    else group.push(sample);
  }
  return (Object.keys(METRICS) as MetricName[]).flatMap((name) => {
    const own = byName.get(name);
    return own === undefined ? [] : [{ name, samples: own }];
  });
}

export const renderExposition = (samples: readonly MetricSample[]): string =>
  groupSamples(samples).map(familyText).join('');

function familyText({ name, samples }: MetricGroup): string {
  const { type, help } = METRICS[name];
  const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  return head + samples.map(({ labels, value }) => `${name}${labelText(labels)} ${valueText(value)}\n`).join('');
}

function labelText(labels: MetricSample['labels']): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
