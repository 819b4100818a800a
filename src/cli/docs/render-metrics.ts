import type { MetricFamily } from '../../domain/metrics.ts';
import { GENERATED } from './generated.ts';

/** `docs/metrics.md`, from the table that the command prints by. */
export function renderMetricsDocs(families: Readonly<Record<string, MetricFamily>>): string {
  const rows = Object.entries(families).map(
    ([name, { type, help, labels }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `# Metrics

${GENERATED}

\`slurmctl metrics\` prints figures of your jobs, limits and pools in the [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/). It reads what is
stored and asks the batch system nothing. Shown are the live jobs (the newest 500) and the 20 newest that have ended; name jobs to have those alone.

## Two ways to Prometheus

**A file for node-exporter.** Let cron write it; the collector of node-exporter reads it with \`--collector.textfile.directory=/var/lib/node_exporter/textfile\`:

\`\`\`
* * * * * slurmctl metrics --quiet --home /shared/run/.slurmctl --out /var/lib/node_exporter/textfile/slurmctl.prom
\`\`\`

The file is replaced in one step, so that nobody reads half of it, and all users may read it. When the command fails, the file of before stays: that is what
\`slurmctl_read_timestamp_seconds\` is for.

**A scraper of this host.** \`--serve\` answers on 127.0.0.1 only, to whoever knows its token; figures are read at most every ten seconds, however often they are asked for.
The token lies in a private file, so that the address stays the same:

\`\`\`
slurmctl metrics --serve --port 9415 --token-file ~/.slurmctl-metrics-token
\`\`\`

\`\`\`yaml
scrape_configs:
  - job_name: slurmctl
    metrics_path: /THE-TOKEN/metrics
    static_configs:
      - targets: ['127.0.0.1:9415']
\`\`\`

Jobs have the label \`job_id\`, because \`job\` is Prometheus' own; \`slurmctl_job_info\` adds the name of a job to its id.

## Alerts worth having

\`\`\`yaml
groups:
  - name: slurmctl
    rules:
      - alert: SlurmctlFiguresAreOld
        expr: time() - slurmctl_read_timestamp_seconds > 600
      - alert: SlurmctlJobFailed
        expr: slurmctl_job_state{state="FAILED"} == 1
      - alert: SlurmctlItemsFail
        expr: slurmctl_job_items{outcome="failed"} / ignoring(outcome) sum without (outcome) (slurmctl_job_items) > 0.05
\`\`\`

Whether jobs are stuck, and what to do about it, is said by [\`slurmctl health\`](monitoring.md#health).

## Figures

A figure that is not known is missing. Nothing is labelled by task, item, node or message, so that the number of series stays bounded: some 35 a job.

| name | type | labels | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}
