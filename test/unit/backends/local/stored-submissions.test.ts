import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readControls } from '../../../../src/backends/batch-system/local/control.ts';
import { elementStates } from '../../../../src/backends/batch-system/local/element-states.ts';
import { encodeEvent } from '../../../../src/backends/batch-system/local/events.ts';
import { openJournal } from '../../../../src/backends/batch-system/local/journal.ts';
import {
  hostLayout,
  hostSegment,
  isHostSegment,
  jobFiles,
  parseSubmissionId,
  submissionId,
  type HostLayout,
} from '../../../../src/backends/batch-system/local/layout.ts';
import { createSubmissionReader } from '../../../../src/backends/batch-system/local/read-submission.ts';
import {
  prepareHost,
  removeStaleStaging,
  removeSubmission,
  storeSubmission,
} from '../../../../src/backends/batch-system/local/store-submission.ts';
import { parseStoredRequest, storedRequest } from '../../../../src/backends/batch-system/local/stored-request.ts';
import { attemptIdOf, elementIdOf } from '../../../../src/domain/ids.ts';
import { smallRequest } from '../../../support/local-batch.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const request = (extra = {}) => storedRequest({ ...smallRequest(['true'], '/'), logDir: '/', ...extra }, 1_000);
let unique = 0;
const store = (layout: HostLayout, extra = {}): number =>
  storeSubmission(layout, { request: request(extra), script: '#!/bin/bash\n', environment: {} }, `u${(unique += 1)}`);
const withLayout = (fn: (layout: HostLayout) => void): Promise<void> =>
  withTempDir((root) => {
    const layout = hostLayout(root, 'h');
    prepareHost(layout, () => '7k3fq');
    fn(layout);
  });

describe('ids and directories', () => {
  it('makes ids that attempts can be named after, and reads them back', () => {
    const id = submissionId('7k3fq', 12);
    expect(parseSubmissionId(id)).toEqual({ token: '7k3fq', number: 12 });
    expect(attemptIdOf(elementIdOf(id, 3), 1)).toBe('local-7k3fq-12_3.1');
  });

  it('takes nothing else for an id', () => {
    for (const id of [
      '',
      '12',
      'local-7k3fq-',
      'local-7k3fq-0',
      'local-../..-1',
      'local-7k3fq-1/..',
      'local-7k3fq-1\n',
    ]) {
      expect(parseSubmissionId(id)).toBe(null);
    }
  });

  it('gives every host name a directory inside the root', () => {
    expect(hostSegment('node01.cluster')).toBe('node01.cluster');
    for (const name of ['..', '.', '', 'a/b', '../x', 'ü']) {
      expect(hostSegment(name)).toMatch(/^host-[0-9a-f]{16}$/);
      expect(isHostSegment(name)).toBe(false);
    }
  });
});

describe('stored submissions', () => {
  it('are numbered in turn, private, and leave nothing half-made', () =>
    withLayout((layout) => {
      expect([store(layout), store(layout), store(layout)]).toEqual([1, 2, 3]);
      expect(readdirSync(layout.staging)).toEqual([]);
      expect(statSync(jobFiles(layout, 1).environment).mode & 0o077).toBe(0);
      expect(statSync(layout.jobs).mode & 0o077).toBe(0);
      expect(parseStoredRequest(readFileSync(jobFiles(layout, 2).request, 'utf8'))).toMatchObject({ count: 1 });
    }));

  it('keep the token of their directory', () =>
    withLayout((layout) => {
      expect(prepareHost(layout, () => 'other')).toBe('7k3fq');
    }));

  it('never get the number of a pruned one', () =>
    withLayout((layout) => {
      store(layout);
      store(layout);
      removeSubmission(layout, 1);
      expect(existsSync(jobFiles(layout, 1).dir)).toBe(false);
      removeSubmission(layout, 2);
      expect(createSubmissionReader().read(layout, 2)).toBe(null);
      expect(store(layout)).toBe(3);
    }));

  it('that were never finished go after an hour', () =>
    withLayout((layout) => {
      for (const name of ['old', 'young']) mkdirSync(join(layout.staging, name));
      utimesSync(join(layout.staging, 'old'), 1_000, 1_000);
      removeStaleStaging(layout, Date.now());
      expect(readdirSync(layout.staging)).toEqual(['young']);
    }));

  it('are read as their journal grows, up to the last whole line', () =>
    withLayout((layout) => {
      const number = store(layout, { array: { count: 3 } });
      const reader = createSubmissionReader();
      expect(reader.read(layout, number)?.table.get(0)).toMatchObject({ phase: 'waiting' });
      const { events } = jobFiles(layout, number);
      const end = encodeEvent({ e: 'end', t: 1, i: 0, how: 'BOOT_FAIL', note: 'é漢' });
      const bytes = Buffer.from(encodeEvent({ e: 'start', t: 1, i: 0, restart: 0 }) + end);
      appendFileSync(events, bytes.subarray(0, bytes.length - 6));
      expect(reader.read(layout, number)?.table.get(0)).toMatchObject({ phase: 'running' });
      appendFileSync(events, bytes.subarray(bytes.length - 6));
      expect(reader.read(layout, number)?.table.get(0)).toMatchObject({ phase: 'ended', note: 'é漢' });
    }));
});

describe('journal', () => {
  it('closes off the half line of a dead writer', () =>
    withLayout((layout) => {
      const { events } = jobFiles(layout, store(layout));
      writeFileSync(events, '{"e":"star');
      const journal = openJournal(events);
      expect(journal.append({ e: 'hold', on: true })).toBe(true);
      journal.close();
      expect(createSubmissionReader().read(layout, 1)?.table.held).toBe(true);
    }));

  it('says so when the disk is full and keeps the event', () => {
    const journal = openJournal('/dev/full');
    expect(journal.append({ e: 'hold', on: true })).toBe(false);
    expect(journal.flush()).toBe(false);
    journal.close();
  });
});

describe('control requests', () => {
  it('come in the order of their names; what is none is removed', () =>
    withLayout((layout) => {
      writeFileSync(join(layout.control, 'b.json'), '{"number":1,"op":"release"}');
      writeFileSync(join(layout.control, 'a.json'), '{"number":1,"op":"hold"}');
      for (const [index, text] of ['', '{}', '{"number":1,"op":"explode"}', 'null'].entries()) {
        writeFileSync(join(layout.control, `x${index}.json`), text);
      }
      expect(readControls(layout).map(({ request: { op } }) => op)).toEqual(['hold', 'release']);
      expect(readdirSync(layout.control)).toHaveLength(2);
    }));
});

describe('element states', () => {
  it('say unknown of elements beyond the array, and why the others wait', () =>
    withLayout((layout) => {
      const waitingFor = (extra: object, nowMs = 1_000) => {
        const view = createSubmissionReader().read(layout, store(layout, extra))!;
        return elementStates(view, { id: 'x', count: 2, hostname: 'h', nowMs });
      };
      expect(waitingFor({})).toMatchObject([
        { phase: 'waiting', rawState: 'PENDING', reason: 'Resources', restarts: 0 },
        { phase: 'unknown', cause: null },
      ]);
      expect(waitingFor({ beginAfterSec: 5 })[0]?.reason).toBe('BeginTime');
      expect(waitingFor({ beginAfterSec: 5 }, 6_000)[0]?.reason).toBe('Resources');
      expect(waitingFor({ after: [{ id: 'local-7k3fq-1' }] })[0]?.reason).toBe('Dependency');
    }));
});
