import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { aroundStops } from '../../../src/cli/job-control.ts';
import { createProgressView } from '../../../src/cli/progress.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import type { Session } from '../../../src/cli/session.ts';

/** A process that counts its own stops; `hasShell`: somebody lets it go on, else they have no effect. */
function stoppable(hasShell: boolean) {
  const events = new EventEmitter();
  let stops = 0;
  let passedS = 0;
  return {
    pid: 1,
    on: (signal: string, listener: () => void) => events.on(signal, listener),
    off: (signal: string, listener: () => void) => events.off(signal, listener),
    kill: () => {
      stops += 1;
      if (hasShell) queueMicrotask(() => events.emit('SIGCONT'));
    },
    uptime: () => passedS,
    pass: (seconds: number) => void (passedS += seconds),
    get stops() {
      return stops;
    },
    async signal(name: 'SIGTSTP' | 'SIGCONT') {
      events.emit(name);
      await new Promise((resolve) => setImmediate(resolve));
    },
    listeners: () => events.listenerCount('SIGTSTP') + events.listenerCount('SIGCONT'),
  };
}

test('Ctrl-Z stops a command that draws a bar, each time', async () => {
  const signals = stoppable(true);
  let drawn = '';
  const raw = Object.assign(
    new Writable({
      write: (chunk, _encoding, done) => {
        drawn += String(chunk);
        done();
      },
    }),
    { isTTY: true, columns: 80, rows: 24, cursorTo: () => true, clearLine: () => true, moveCursor: () => true },
  );
  const session = {
    io: {
      env: {},
      stderr: { isTty: true, columns: 80, rows: 24, raw, write: () => undefined },
      aroundStops: (hooks) => aroundStops(signals, hooks),
    },
    flags: { quiet: false },
    noteStyle: createStyle(false),
  } as Pick<Session, 'noteStyle'> & {
    readonly flags: Pick<Session['flags'], 'quiet'>;
    readonly io: Pick<Session['io'], 'env' | 'stderr' | 'aroundStops'>;
  };
  const view = await createProgressView(session as Session);
  const step = (done: number): void => view.progress({ phase: 'splitting', done, total: 9, unit: 'items' });
  try {
    for (const round of [1, 2]) {
      step(round);
      drawn = '';
      await signals.signal('SIGTSTP');
      expect(signals.stops).toBe(round);
      // The cursor is shown again.
      expect(drawn).toContain('\u001b[?25h');
    }
    // Nothing is drawn while it stands still, and it can be stopped all the same.
    await signals.signal('SIGTSTP');
    expect(signals.stops).toBe(3);
  } finally {
    view.stop();
  }
  expect(signals.listeners()).toBe(0);
});

test('a stop without effect keeps nothing of a later one', async () => {
  const signals = stoppable(false);
  let after = 0;
  const unhook = aroundStops(signals, { before: async () => undefined, after: async () => void (after += 1) });
  await signals.signal('SIGTSTP');
  expect(after).toBe(1);
  signals.pass(2);
  await signals.signal('SIGCONT');
  expect(after).toBe(2);
  unhook();
});

test('a stop with an effect is told once', async () => {
  const signals = stoppable(true);
  let after = 0;
  const unhook = aroundStops(signals, { before: async () => undefined, after: async () => void (after += 1) });
  await signals.signal('SIGTSTP');
  expect(after).toBe(1);
  await signals.signal('SIGCONT');
  expect(after).toBe(2);
  unhook();
});
