import { expect, it } from 'vitest';
import { AppError } from '../../../src/errors/app-error.ts';
import { wordsOfFailure } from '../../../src/errors/words-of-failure.ts';

it('tells a failure with its code, and owns up to anything else in one line, with its place', () => {
  expect(wordsOfFailure(new AppError('STORE_FULL', { message: 'the bucket is full' }))).toBe(
    'the bucket is full [STORE_FULL]',
  );
  const bug = new TypeError('a is not\n iterable');
  bug.stack = [
    'TypeError: a is not',
    ' iterable',
    '    at node:internal/modules/run_main:1:2',
    '    at async renderPage (file:///opt/slurmctl/dist/observe/dashboard/page.js:12:5)',
    '    at keepPage (file:///opt/slurmctl/dist/app/store-dashboard.js:1:1)',
  ].join('\n');
  expect(wordsOfFailure(bug)).toBe(
    'bug in slurmctl, please report it: TypeError: a is not iterable (at dist/observe/dashboard/page.js:12:5)',
  );
  bug.stack = '';
  expect(wordsOfFailure(bug)).toBe('bug in slurmctl, please report it: TypeError: a is not iterable');
  expect(wordsOfFailure('odd')).toBe('bug in slurmctl, please report it: thrown: odd');
});
