import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WebHook {
  /** Without a path. */
  readonly url: string;
  readonly posts: readonly { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** What it answers from here on; null: nothing at all. */
  answer: { readonly status: number; readonly body?: string; readonly location?: string } | null;
  stop(): Promise<void>;
}

/** A server that keeps what is posted to it. */
export async function startWebHook(): Promise<WebHook> {
  const posts: WebHook['posts'][number][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (hook.answer === null) return;
      const { status, body = '', location } = hook.answer;
      response.writeHead(status, location === undefined ? {} : { location });
      response.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hook: WebHook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    answer: { status: 200 },
    async stop() {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return hook;
}
