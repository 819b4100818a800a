// The provider of test/support in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** `limits` by unit and `latencyMs` of an admitted call, as fake-provider-main.mjs has them. `begin`: full buckets and an empty ledger. */
export async function startProvider(options) {
  const script = fileURLToPath(new URL('../../support/fake-provider-main.mjs', import.meta.url));
  const argv = [script, JSON.stringify(options)];
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const url = `http://127.0.0.1:${line.split(' ')[1]}`;
  return {
    call: `${url}/call`,
    ledger: async () => (await fetch(`${url}/ledger`)).json(),
    begin: async () =>
      void (await (await fetch(`${url}/limits`, { method: 'POST', body: JSON.stringify(options) })).text()),
    stop: () => child.stdin.end(),
  };
}
