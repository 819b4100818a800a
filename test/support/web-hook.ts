import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certified } from './certificates.ts';

export interface WebHook {
  /** Without a path. */
  readonly url: string;
  readonly posts: readonly { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** What it answers from here on; null: nothing at all. */
  answer: { readonly status: number; readonly body?: string; readonly location?: string } | null;
  stop(): Promise<void>;
}

/** A server that keeps what is posted to it. `tls`: over https. */
export async function startWebHook(tls?: Certified): Promise<WebHook> {
  const posts: WebHook['posts'][number][] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (hook.answer === null) return;
      const { status, body = '', location } = hook.answer;
      response.writeHead(status, location === undefined ? {} : { location });
      response.end(body);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hook: WebHook = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
