import type { Dashboard } from '../document.ts';
import { html, userText } from '../html.ts';
import { absent, type Section } from './section.ts';

/** What was asked for, in the words of the job file, and the exact versions behind the figures. */
export const about = ({ jobFile, versions }: Dashboard): Section => ({
  id: 'about',
  title: 'Job file and versions',
  content: [
    html`<dl class="versions">
      ${versions.map(
        ([label, value]) =>
          html`<div>
            <dt>${label}</dt>
            <dd><code>${userText(value)}</code></dd>
          </div>`,
      )}
    </dl>`,
    html`<h3>Job file</h3>`,
    jobFile === null
      ? absent('The text of the job file is not stored.')
      : html`<pre class="job-file" tabindex="0" aria-label="Text of the job file">${userText(jobFile)}</pre>`,
  ],
});
