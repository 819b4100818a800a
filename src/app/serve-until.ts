import { openPageServer, type PageServer, type PageServerOptions } from '../backends/page-server/index.ts';

/** Of a token that is made; it leads every path. */
export const TOKEN_CHARS = 32;

/** Serves until `signal`; `onListening` is told where. @throws USAGE when the port cannot be had, and what is a bug while an answer was made */
export async function serveUntil(
  signal: AbortSignal,
  options: PageServerOptions,
  onListening: (url: PageServer['url']) => Promise<void>,
): Promise<void> {
  const server = await openPageServer(options);
  try {
    await onListening(server.url);
    await Promise.race([server.failed, aborted(signal)]);
  } finally {
    await server.close();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
