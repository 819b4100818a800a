import { createRequire, syncBuiltinESMExports } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * Makes the clock, chance and timers of this process throw, so that code under test which goes round its ports is found out. Returns how to
 * undo it. `found` is told too: code under test may swallow what it catches.
 */
export function forbidRealTime(found: (what: string) => void): () => void {
  const undo: (() => void)[] = [];
  const forbid = (owner: object, name: string, label: string): void => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor;
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: () => {
        found(label);
        throw new Error(`${label} is forbidden in a simulation: use the ports`);
      },
    });
    undo.push(() => Object.defineProperty(owner, name, descriptor));
  };
  forbid(Date, 'now', 'Date.now');
  forbid(Math, 'random', 'Math.random');
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) forbid(globalThis, name, name);
  const crypto = require('node:crypto') as object;
  for (const name of ['randomUUID', 'randomBytes', 'randomInt']) forbid(crypto, name, name);
  syncBuiltinESMExports();
  const RealDate = globalThis.Date;
  globalThis.Date = new Proxy(RealDate, {
    construct(target, values: [number]) {
      if (values.length > 0) return Reflect.construct(target, values) as object;
      found('new Date()');
      throw new Error('new Date() is forbidden in a simulation: use the ports');
    },
  });
  return () => {
    globalThis.Date = RealDate;
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  };
}
