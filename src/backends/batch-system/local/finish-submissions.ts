import { rmSync } from 'node:fs';
import { isMissing } from '../../shared/fs-errno.ts';
import { messageOf } from '../../../errors/app-error.ts';
import { replaceFile } from './files.ts';
import { snapshotOf } from './snapshot.ts';
import type { LiveSubmission, Supervision } from './supervision.ts';

/** Puts one small file in place of the journal, the script and the environment of every submission that has ended. */
export function finishEnded(supervision: Supervision): void {
  for (const submission of supervision.live.values()) {
    if (!submission.table.ended || !submission.journal.flush()) continue;
    try {
      finish(supervision, submission);
    } catch (error) {
      // Removed by hand: nobody is left to be told, and waiting for the directory would keep this process for ever.
      if (!isMissing(error)) {
        logOnce(supervision, submission, messageOf(error));
        continue;
      }
    }
    submission.journal.close();
    supervision.troubled.delete(submission.number);
    supervision.live.delete(submission.number);
  }
}

function logOnce(supervision: Supervision, { number, files }: LiveSubmission, what: string): void {
  if (!supervision.troubled.has(number)) supervision.log(`${files.ended}: ${what}; trying again`);
  supervision.troubled.add(number);
}

function finish(supervision: Supervision, submission: LiveSubmission): void {
  const { files, table } = submission;
  const snapshot = JSON.stringify(snapshotOf(table, supervision.clock.nowMs()));
  replaceFile(files.ended, snapshot, supervision.ids.token(8));
  for (const path of [files.events, files.script, files.environment]) rmSync(path, { force: true });
}
