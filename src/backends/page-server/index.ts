/**
 * Serves a page and what it asks for to browsers of this host, to whoever knows its token. On loopback only, reads only, one place for each
 * request; what cannot be answered is refused before anything is read.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { AppError, isAppError } from '../../errors/app-error.ts';

export interface PageServerOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Letters and digits; the first part of every path. */
  readonly token: string;
  /** What lies at a path below the token (`` for the page itself); null: nothing. */
  readonly answer: (path: string) => Promise<PageAnswer | null>;
}

export interface PageAnswer {
  readonly type:
    | 'text/html; charset=utf-8'
    | 'application/json; charset=utf-8'
    | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
}

export interface PageServer {
  /** With the token: whoever has it sees the page. */
  readonly url: string;
  /** Rejects with what is a bug while an answer was made; never resolves before `close`. */
  readonly failed: Promise<never>;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** A page elsewhere could reach this one by a name that it makes resolve to loopback: it would then ask with that name. */
const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;

/** @throws USAGE when the port cannot be had */
export async function openPageServer(options: PageServerOptions): Promise<PageServer> {
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever does not wait for it must not be ended by it.
  failed.catch(() => {});
  const server = createServer((request, response) => {
    respond(request, response, options).catch(fail);
  });
  await listen(server, options.port);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server on a port has no port');
  return {
    url: `http://${HOST}:${address.port}/${options.token}/`,
    failed,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
      reject(
        taken
          ? new AppError('USAGE', {
              message: `--port ${port}: ${error.code === 'EACCES' ? 'this user may not listen there' : 'another program listens there'}`,
              hint: 'Choose another port from 1024 up, or leave --port out to get a free one',
            })
          : error,
      );
    });
    server.listen(port, HOST, resolve);
  });
}

async function respond(request: IncomingMessage, response: ServerResponse, options: PageServerOptions): Promise<void> {
  const refuse = (status: number, words: string): void => send(response, status, 'text/plain; charset=utf-8', words);
  if (!LOCAL_HOST.test(request.headers.host ?? '')) return refuse(403, 'This page is served to this host only.\n');
  const [, token = '', ...rest] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
  if (!sameText(token, options.token)) return refuse(403, 'The address lacks its token.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'This page can only be read.\n');
  try {
    const answer = await options.answer(rest.join('/'));
    if (answer === null) return refuse(404, 'There is nothing here.\n');
    return send(response, 200, answer.type, request.method === 'HEAD' ? '' : answer.body);
  } catch (error) {
    if (isAppError(error)) return refuse(503, `${error.message} [${error.code}]\n`);
    refuse(500, 'This is a fault of slurmctl.\n');
    throw error;
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': type });
  response.end(body);
}

/** In the same time for every wrong text. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
