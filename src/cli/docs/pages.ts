import { renderJobFileDocs, renderSettingsDocs } from '../../config/docs.ts';
import { renderJobFileSchema } from '../../config/json-schema.ts';
import { ALERT_KINDS, HOOK_EVENTS } from '../../domain/alert-rule.ts';
import { CAUSES } from '../../domain/causes.ts';
import { GROUPINGS } from '../../domain/error-grouping.ts';
import { ATTEMPT_DECISIONS } from '../../domain/history.ts';
import { HEALTH_CHECKS } from '../../domain/health.ts';
import { LIFECYCLE_KINDS } from '../../domain/lifecycle-event.ts';
import { METRICS } from '../../domain/metrics.ts';
import { JOB_STATES, SUBMISSION_STATES, TASK_STATES } from '../../domain/states.ts';
import { catalogue } from '../../errors/catalogue.ts';
import { commands } from '../commands.ts';
import { helpText } from '../help-text.ts';
import { renderCliDocs } from './render-cli.ts';
import { renderErrorDocs } from './render-errors.ts';
import { renderFailureDocs } from './render-failures.ts';
import { renderJsonDocs } from './render-json.ts';
import { renderMetricsDocs } from './render-metrics.ts';

/** Source files that `docs/json.md` quotes, from the root of the repository. */
export const QUOTED_SOURCES = {
  app: [
    'src/app/documents.ts',
    'src/app/pace-documents.ts',
    'src/app/turn-document.ts',
    'src/app/init-documents.ts',
    'src/app/decision-documents.ts',
    'src/app/explain-documents.ts',
    'src/app/lifecycle-documents.ts',
    'src/app/metrics-documents.ts',
    'src/app/health-documents.ts',
    'src/app/dashboard-documents.ts',
    'src/app/limit-documents.ts',
    'src/app/alert-documents.ts',
    'src/domain/error-groups.ts',
    'src/domain/efficiency-report.ts',
    'src/domain/standstill.ts',
    'src/app/pool-documents.ts',
  ],
  cli: 'src/cli/documents.ts',
  shared: [
    'src/domain/metrics.ts',
    'src/domain/health.ts',
    'src/domain/job-item.ts',
    'src/domain/nodes.ts',
    'src/errors/app-error.ts',
  ],
} as const;

/** Every generated page, by path from the root of the repository. `read` gives the text of a file of the repository. */
export const generatedPages = (read: (path: string) => string): Readonly<Record<string, string>> => ({
  'docs/cli.md': renderCliDocs({ commands, help: helpText }),
  'docs/errors.md': renderErrorDocs(catalogue),
  'docs/failures.md': renderFailureDocs(CAUSES),
  'docs/json.md': renderJsonDocs({
    app: QUOTED_SOURCES.app.map(read).join('\n'),
    cli: read(QUOTED_SOURCES.cli),
    shared: QUOTED_SOURCES.shared.map(read),
    words: {
      JobState: JOB_STATES.map((state) => [state, null]),
      TaskState: TASK_STATES.map((state) => [state, null]),
      AlertKind: Object.entries(ALERT_KINDS).map(([kind, { meaning }]) => [kind, meaning]),
      HookEvent: HOOK_EVENTS.map((event) => [event, null]),
      LifecycleKind: Object.entries(LIFECYCLE_KINDS),
      HealthCheck: Object.entries(HEALTH_CHECKS),
      MetricName: Object.entries(METRICS).map(([name, { help }]) => [name, help]),
      AttemptDecision: Object.entries(ATTEMPT_DECISIONS),
      Grouping: GROUPINGS.map((grouping) => [grouping, null]),
      SubmissionState: SUBMISSION_STATES.map((state) => [state, null]),
      Cause: Object.entries(CAUSES).map(([cause, { explanation }]) => [cause, explanation]),
    },
  }),
  'docs/job-file.md': renderJobFileDocs(),
  'docs/job-file.schema.json': `${JSON.stringify(renderJobFileSchema(), null, 2)}\n`,
  'docs/metrics.md': renderMetricsDocs(METRICS),
  'docs/settings.md': renderSettingsDocs(),
});
