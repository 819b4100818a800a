import { renderJobFileDocs, renderSettingsDocs } from '../../config/docs.ts';
import { renderJobFileSchema } from '../../config/json-schema.ts';
import { CAUSES } from '../../domain/causes.ts';
import { JOB_STATES, SUBMISSION_STATES } from '../../domain/states.ts';
import { catalogue } from '../../errors/catalogue.ts';
import { commands } from '../commands.ts';
import { helpText } from '../program.ts';
import { renderCliDocs } from './render-cli.ts';
import { renderErrorDocs } from './render-errors.ts';
import { renderFailureDocs } from './render-failures.ts';
import { renderJsonDocs } from './render-json.ts';

/** Source files that `docs/json.md` quotes, from the root of the repository. */
export const QUOTED_SOURCES = {
  app: 'src/app/documents.ts',
  cli: 'src/cli/documents.ts',
  shared: ['src/domain/job-item.ts', 'src/errors/app-error.ts'],
} as const;

/** Every generated page, by path from the root of the repository. `read` gives the text of a file of the repository. */
export const generatedPages = (read: (path: string) => string): Readonly<Record<string, string>> => ({
  'docs/cli.md': renderCliDocs({ commands, help: helpText }),
  'docs/errors.md': renderErrorDocs(catalogue),
  'docs/failures.md': renderFailureDocs(CAUSES),
  'docs/json.md': renderJsonDocs({
    app: read(QUOTED_SOURCES.app),
    cli: read(QUOTED_SOURCES.cli),
    shared: QUOTED_SOURCES.shared.map(read),
    words: {
      JobState: JOB_STATES.map((state) => [state, null]),
      SubmissionState: SUBMISSION_STATES.map((state) => [state, null]),
      Cause: Object.entries(CAUSES).map(([cause, { explanation }]) => [cause, explanation]),
    },
  }),
  'docs/job-file.md': renderJobFileDocs(),
  'docs/job-file.schema.json': `${JSON.stringify(renderJobFileSchema(), null, 2)}\n`,
  'docs/settings.md': renderSettingsDocs(),
});
