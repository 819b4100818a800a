import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LOGS } from '../../../src/domain/log-line.ts';
import type { LogFile } from '../../../src/ports/log-file.ts';
import { createAttemptLog, type AttemptLog } from '../../../src/worker/attempt-log.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const clock = createManualClock(0);
const linesOf = (log: AttemptLog): Record<string, unknown>[] =>
  (log.text() ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const messagesOf = (log: AttemptLog): unknown[] => linesOf(log).map(({ msg }) => msg);

describe('attempt log', () => {
  it('is JSON lines with bindings, and nothing when nothing was logged', () => {
    const log = createAttemptLog({ clock, bindings: { job: 'j', node: 'n1' } });
    expect(log.text()).toBeNull();
    expect(log.linesFrom(0, 100)).toBeNull();
    log.log.child({ item: 'a' }).warn('careful', { big: 5n, item: 'b' });
    expect(log.text()).toBe(
      '{"time":"1970-01-01T00:00:00.000Z","level":"warn","msg":"careful","job":"j","node":"n1","item":"b","big":"5"}\n',
    );
  });

  it('tells the time of each line', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e12, max: 4e12 }), { maxLength: 5 }), fc.nat(2_000), (times, more) => {
        const all = times.flatMap((ms) => [ms, ms + more, ms + 0.5]);
        const waiting = [...all];
        const log = createAttemptLog({ clock: { nowMs: () => waiting.shift() ?? 0 } });
        for (const ms of all) log.log.info(String(ms));
        expect(linesOf(log).map(({ time }) => time)).toEqual(all.map((ms) => new Date(Math.floor(ms)).toISOString()));
      }),
    );
  });

  it('stops at its bound, says so, and counts what was left out', () => {
    const log = createAttemptLog({ clock, spec: { ...DEFAULT_LOGS, bytes: 1_000 } });
    for (let line = 0; line < 100; line += 1) log.log.error(`line ${line}`);
    const messages = messagesOf(log);
    expect(messages.length).toBeLessThan(20);
    expect(messages.slice(-2)).toEqual(['log truncated', 'lines were left out']);
    expect(linesOf(log).at(-1)).toMatchObject({ level: 'warn', lines: 100 - (messages.length - 2) });
  });

  it('keeps its last quarter for warnings and errors', () => {
    const log = createAttemptLog({ clock, spec: { ...DEFAULT_LOGS, bytes: 2_000 } });
    for (let line = 0; line < 100; line += 1) log.log.info(`chatter ${line}`);
    log.log.error('what matters');
    expect(messagesOf(log).slice(-3)).toEqual([
      'lines below warn are left out from here',
      'what matters',
      'lines were left out',
    ]);
  });

  it('bounds what one try writes, so that others still have room', () => {
    const log = createAttemptLog({ clock, spec: { ...DEFAULT_LOGS, itemBytes: 300 } });
    const chatty = log.log.child({ item: 'chatty', try: 2 });
    for (let line = 0; line < 100; line += 1) chatty.child({ stream: 'stdout' }).info(`line ${line}`);
    log.log.child({ item: 'quiet' }).info('one word');
    log.log.error('item failed', { item: 'chatty' });
    const lines = linesOf(log);
    expect(lines.filter(({ item }) => item === 'chatty').length).toBeLessThan(7);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'more lines of this try are left out', item: 'chatty', try: 2, level: 'warn' }),
    );
    expect(messagesOf(log)).toEqual(expect.arrayContaining(['one word', 'item failed']));
  });

  it('leaves out what is below its level, and does not count it', () => {
    const log = createAttemptLog({ clock, spec: { ...DEFAULT_LOGS, level: 'warn' } });
    log.log.debug('a');
    log.log.info('b');
    expect(log.text()).toBeNull();
    log.log.warn('c');
    log.log.error('d');
    expect(messagesOf(log)).toEqual(['c', 'd']);
  });

  it('hides secrets in messages, fields, and at any depth', () => {
    const log = createAttemptLog({ clock });
    log.log.info('GET https://ada:hunter2@host/x with Bearer abcdefghijklmnop', {
      password: 'hunter2',
      headers: [{ Authorization: 'Basic hunter2' }],
      nested: { url: 'postgres://u:hunter2@db/x', token: { value: 'hunter2' } },
      tokens: 12,
    });
    const text = log.text() ?? '';
    expect(text).not.toMatch(/hunter2|abcdefgh/);
    expect(JSON.parse(text)).toMatchObject({ password: '[redacted]', tokens: 12 });
  });

  it('never throws for what it is given', () => {
    const log = createAttemptLog({ clock });
    const cyclic: Record<string, unknown> = { password: 'hunter2' };
    cyclic['self'] = cyclic;
    log.log.info('cycle', cyclic);
    log.log.info('hostile', {
      toJSON() {
        throw new Error('no');
      },
    });
    log.log.info('x'.repeat(1_000_000), { y: 'y'.repeat(1_000_000) });
    log.log.info('getter', {
      get a(): never {
        throw new Error('no');
      },
    });
    log.log.error(undefined as unknown as string);
    log.log.error(new Error('thrown') as unknown as string);
    const lines = linesOf(log);
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)?.['msg']).toBe('Error: thrown');
    for (const line of lines) expect(line).toHaveProperty('msg');
    expect((log.text() ?? '').length).toBeLessThan(100_000);
    expect(log.text()).not.toContain('hunter2');
  });

  it('stays within its bound when every try says too much at once', () => {
    const spec = { ...DEFAULT_LOGS, bytes: 10_000, itemBytes: 100 };
    const log = createAttemptLog({ clock, spec });
    for (let item = 0; item < 5_000; item += 1) log.log.child({ item, try: 1 }).info('x'.repeat(200));
    log.log.error('what matters');
    expect((log.text() ?? '').length).toBeLessThan(spec.bytes + 1_000);
    expect(linesOf(log).at(-1)).toMatchObject({ msg: 'lines were left out' });
  });

  it('takes 100,000 lines of one item in the time that its bound allows', () => {
    const log = createAttemptLog({ clock });
    const item = log.log.child({ item: 'chatty', try: 1 });
    const startMs = performance.now();
    for (let line = 0; line < 100_000; line += 1) item.info(`line ${line}`, { stream: 'stdout' });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect((log.text() ?? '').length).toBeLessThan(DEFAULT_LOGS.itemBytes + 1_000);
    expect(linesOf(log).at(-1)).toMatchObject({ lines: expect.any(Number) as number });
  });

  it('gives its lines in parts that together are its beginning', () => {
    const log = createAttemptLog({ clock });
    for (let line = 0; line < 50; line += 1) log.log.info(`line ${line}`);
    let text = '';
    let parts = 0;
    for (let at = 0; ; parts += 1) {
      const part = log.linesFrom(at, 500);
      if (part === null) break;
      text += part.text;
      at = part.next;
    }
    expect(parts).toBeGreaterThan(5);
    expect(text).toBe(log.text());
    expect(log.linesFrom(0, 1)?.next).toBe(1);
  });

  it('writes each line to the disk as well; a disk that refuses is said once and costs nothing', () => {
    const written: string[] = [];
    const disk: LogFile = {
      append(text) {
        if (written.length === 2) return false;
        written.push(text);
        return true;
      },
      close: () => void written.push('closed'),
    };
    const log = createAttemptLog({ clock, file: disk });
    for (const word of ['a', 'b', 'c', 'd']) log.log.info(word);
    expect(messagesOf(log)).toEqual(['a', 'b', 'c', 'this log is not kept on the disk of the node', 'd']);
    expect(written.join('')).toBe((log.text() ?? '').split('\n').slice(0, 2).join('\n') + '\n');
    log.close();
    log.log.error('late');
    expect(written.at(-1)).toBe('closed');
    expect(messagesOf(log)).not.toContain('late');
  });
});
