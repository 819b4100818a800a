import { buildApp } from 'fauxqs';
import { vi } from 'vitest';

export interface SqsServer {
  readonly endpoint: string;
  /** Lets this much time pass on the server. */
  readonly pass: (ms: number) => Promise<void>;
  stop(): Promise<void>;
}

/** What a test needs of the store inside fauxqs. */
interface SqsStore {
  processAllTimers(): void;
}

/**
 * fauxqs in this process, on loopback, where time stands still unless `pass` moves it. Its queues' URLs name a host that does not resolve, as
 * those of servers behind another name do.
 */
export async function startSqsServer(): Promise<SqsServer> {
  const own = new URL('./sqs/sqsStore.js', import.meta.resolve('fauxqs')).href;
  const { SqsStore: Store } = (await import(own)) as { SqsStore: new () => SqsStore };
  const sqsStore = new Store();
  const app = buildApp({ logger: false, host: 'queues.invalid', stores: { sqsStore } as never });
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  vi.useFakeTimers({ toFake: ['Date'] });
  return {
    endpoint,
    pass: async (ms) => {
      vi.setSystemTime(Date.now() + ms);
      sqsStore.processAllTimers();
    },
    async stop() {
      vi.useRealTimers();
      await app.close();
    },
  };
}
