import { rmSync } from 'node:fs';
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
      supervision.log(`${submission.files.ended}: ${messageOf(error)}; trying again`);
      continue;
    }
    supervision.live.delete(submission.number);
  }
}

function finish(supervision: Supervision, submission: LiveSubmission): void {
  const { files, table, journal } = submission;
  const snapshot = JSON.stringify(snapshotOf(table, supervision.clock.nowMs()));
  replaceFile(files.ended, snapshot, supervision.ids.token(8));
  journal.close();
  for (const path of [files.events, files.script, files.environment]) rmSync(path, { force: true });
}
