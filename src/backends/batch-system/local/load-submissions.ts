import { existsSync } from 'node:fs';
import { messageOf } from '../../../errors/app-error.ts';
import { decodeEvents } from './events.ts';
import { readIfThere } from './files.ts';
import { openJournal } from './journal.ts';
import { jobFiles, submissionId, type JobFiles } from './layout.ts';
import { emptyTable } from './read-submission.ts';
import { listNumbers } from './store-submission.ts';
import { parseStoredRequest } from './stored-request.ts';
import type { Supervision } from './supervision.ts';

/** Takes up every submission that is not yet known and has not ended. */
export function loadSubmissions(supervision: Supervision): void {
  const numbers = listNumbers(supervision.layout.jobs).filter((number) => !supervision.seen.has(number));
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const files = jobFiles(supervision.layout, number);
    try {
      if (!existsSync(files.ended)) load(supervision, number, files);
      supervision.seen.add(number);
    } catch (error) {
      if (!supervision.troubled.has(number)) supervision.log(`${files.dir}: ${messageOf(error)}; trying again`);
      supervision.troubled.add(number);
    }
  }
}

function load(supervision: Supervision, number: number, files: JobFiles): void {
  const text = readIfThere(files.request);
  // A directory without a request is what is left of a pruned one.
  if (text === null) return;
  const request = parseStoredRequest(text);
  if (request === null) {
    supervision.log(`${files.request} is not a request of this version; it is left alone`);
    return;
  }
  const environment = JSON.parse(readIfThere(files.environment) ?? '{}') as Record<string, string>;
  const table = emptyTable(request);
  for (const event of decodeEvents(readIfThere(files.events) ?? '')) table.apply(event);
  // Last of all: whatever fails is tried again every second, and may leave no open file behind.
  const journal = openJournal(files.events);
  journal.flush();
  supervision.live.set(number, {
    number,
    id: submissionId(supervision.token, number),
    files,
    request,
    environment,
    table,
    journal,
    dependenciesEnded: request.after.length === 0,
  });
}
