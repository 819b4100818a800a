// Reads vitest's JSON report of one project and prints `passed failed skipped`; what failed, with its first lines, is appended to a file that
// scripts/test prints at its very end: the log of a run is long, and often only its end is kept.
// Use: node scripts/count-tests.mjs REPORT FAILURES
import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

const LINES_OF_A_FAILURE = 12;
const [reportPath, failuresPath] = process.argv.slice(2);
const report = JSON.parse(readFileSync(reportPath, 'utf8'));

const told = (file, title, message) =>
  [
    `FAILED: ${relative('.', file)}: ${title}`,
    ...message.split('\n', LINES_OF_A_FAILURE).map((line) => `    ${line.slice(0, 300)}`),
    '',
  ].join('\n');

const failedTests = report.testResults.flatMap((file) =>
  file.assertionResults
    .filter((test) => test.status === 'failed')
    .map((test) => told(file.name, test.fullName, test.failureMessages.join('\n'))),
);
// A file that cannot be loaded, or whose hooks fail, may name no test at all.
const failedFiles = report.testResults
  .filter((file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'))
  .map((file) => told(file.name, 'the file itself', file.message ?? ''));

appendFileSync(failuresPath, [...failedTests, ...failedFiles].join(''));
console.log(
  report.numPassedTests,
  report.numFailedTests + failedFiles.length,
  report.numPendingTests + report.numTodoTests,
);
