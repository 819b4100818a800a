import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startListening } from './aws-servers.ts';
import type { FaultProxy, FaultProxyOptions, LedgerReport } from './fault-proxy.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/slurmctl-test');

/** A fault proxy in a process of its own, so that a busy test does not slow it down and it can outlast nobody. */
export async function startFaultProxyProcess(
  options: FaultProxyOptions,
): Promise<FaultProxy & { readonly pid: number }> {
  const main = join(await compiledProxy(), 'test/support/fault-proxy-main.js');
  const child = await startListening('fault proxy', process.execPath, [main, JSON.stringify(options)]);
  const orders = child.printed.flatMap((line) => /^orders (\d+)$/.exec(line)?.[1] ?? [])[0] ?? '';
  const order = async (name: string, body: unknown = null): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${orders}/${name}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`fault proxy: ${await response.text()}`);
    return response.json();
  };
  return {
    endpoint: `http://127.0.0.1:${child.port}`,
    port: child.port,
    pid: child.pid,
    setRules: async (rules, seed) => {
      await order('rules', { rules, seed });
    },
    ledger: async () => (await order('ledger')) as LedgerReport,
    settled: async () => {
      await order('settled');
    },
    stop: child.stop,
  };
}

/** The proxy as JavaScript; compiled once for its present sources. */
async function compiledProxy(): Promise<string> {
  const folder = join(ROOT, 'test/support');
  const hash = createHash('sha256');
  for (const name of [...readdirSync(folder).filter((file) => file.startsWith('fault-proxy')), 'seeded-random.ts'])
    hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
  const target = join(CACHE, `proxy-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  const building = `${target}.${process.pid}.${performance.now()}`;
  const argv = [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--ignoreConfig',
    '--rootDir',
    ROOT,
    '--outDir',
    building,
  ];
  const settings = ['--module', 'nodenext', '--target', 'es2023', '--rewriteRelativeImportExtensions', '--noCheck'];
  await promisify(execFile)(process.execPath, [
    ...argv,
    ...settings,
    '--skipLibCheck',
    '--types',
    'node',
    join(folder, 'fault-proxy-main.ts'),
  ]);
  writeFileSync(join(building, 'package.json'), '{ "type": "module" }');
  try {
    renameSync(building, target);
  } catch (error) {
    // Another test process compiled the same sources meanwhile.
    if (!existsSync(target)) throw error;
    rmSync(building, { recursive: true });
  }
  return target;
}
