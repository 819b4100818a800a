import type { HealthDocument } from '../../app/health-documents.ts';
import { printable } from './text.ts';
import type { View } from './view.ts';

/** One line a finding with what to do below it. */
export function renderHealth({ findings, jobs }: HealthDocument, { style }: View): string {
  if (findings.length === 0) return `${style.good('ok')}    ${jobs} ${jobs === 1 ? 'job' : 'jobs'} looked at\n`;
  return findings
    .map(({ check, verdict, jobId, found, remedy }) => {
      const paint = verdict === 'fail' ? style.bad : style.warn;
      const about = jobId === null ? '' : `${printable(jobId)}: `;
      return `${paint(verdict)}  ${style.bold(check)}  ${about}${printable(found)}\n      → ${printable(remedy)}\n`;
    })
    .join('');
}
