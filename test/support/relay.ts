import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
  /** `http://ADDRESS:PORT`, on loopback. */
  readonly endpoint: string;
  /** Connections that were let through. */
  connections(): number;
  /** Without a route connections are refused, and those that stand are cut. */
  route(there: boolean): Promise<void>;
  /** Resolves when this many chunks have gone to the server from now on; whatever follows them is held back until the next `route`. */
  stallAfter(chunks: number): Promise<void>;
  close(): Promise<void>;
}

/** An address of this process, since a port of 127.0.0.1 may be given to others while the relay listens to nobody. */
const OWN_LOOPBACK = `127.77.${(process.pid >> 8) % 256}.${process.pid % 256}`;

/** A way to a server on loopback that a test can cut: hosts with and without a route. */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let connections = 0;
  let left = Number.POSITIVE_INFINITY;
  let stalled = (): void => undefined;
  const server = createServer((near) => {
    near.on('error', () => undefined);
    connections += 1;
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => {
      if (left <= 0) return;
      left -= 1;
      far.write(chunk);
      if (left <= 0) stalled();
    });
    far.on('data', (chunk) => near.write(chunk));
  });
  const listen = (at: number): Promise<void> => new Promise((resolve) => server.listen(at, OWN_LOOPBACK, resolve));
  const cut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  return {
    endpoint: `http://${OWN_LOOPBACK}:${own}`,
    connections: () => connections,
    async route(there) {
      left = Number.POSITIVE_INFINITY;
      if (server.listening) await cut();
      if (there) await listen(own);
    },
    stallAfter: (chunks) =>
      new Promise((resolve) => {
        stalled = resolve;
        left = chunks;
      }),
    async close() {
      if (server.listening) await cut();
    },
  };
}
