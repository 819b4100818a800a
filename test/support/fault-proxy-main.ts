// A fault proxy as a process: argv[2] is FaultProxyOptions. Prints `listening PORT`; takes orders at ORDERS; ends when its stdin does.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFaultProxy, type FaultProxyOptions, type FaultRule } from './fault-proxy.ts';

const proxy = await startFaultProxy(JSON.parse(process.argv[2] as string) as FaultProxyOptions);

const orders: Readonly<Record<string, (body: string) => Promise<unknown>>> = {
  '/rules': async (body) => {
    const { rules, seed } = JSON.parse(body) as { rules: FaultRule[]; seed?: number };
    await proxy.setRules(rules, seed);
  },
  '/ledger': () => proxy.ledger(),
  '/settled': () => proxy.settled(),
};

const control = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    orders[request.url ?? '']?.(body).then(
      (result) => response.end(JSON.stringify(result ?? null)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
process.stdout.write(`orders ${(control.address() as AddressInfo).port}\nlistening ${proxy.port}\n`);
process.stdin.resume().on('end', () => process.exit(0));
