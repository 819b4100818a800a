import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startAwsServer, type AwsServer, type AwsServerName } from './aws-servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test asks for the endpoint of a server that all test files share: `GET /fauxqs`. */
    awsBroker: string;
  }
}

/** One server of each kind for the whole run, started when the first test asks for it: most runs need none. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<AwsServer>>();
  const shared = (name: string): Promise<AwsServer> => {
    const present = started.get(name) ?? startAwsServer(name as AwsServerName);
    started.set(name, present);
    return present;
  };
  const broker = createServer((request, response) => {
    shared((request.url ?? '/').slice(1)).then(
      ({ endpoint }) => response.end(endpoint),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  // Nothing of it keeps the run alive.
  broker.unref();
  project.provide('awsBroker', `http://127.0.0.1:${(broker.address() as AddressInfo).port}`);
  return async () => {
    broker.close();
    broker.closeAllConnections();
    for (const server of await Promise.allSettled(started.values()))
      if (server.status === 'fulfilled') await server.value.stop();
  };
}
