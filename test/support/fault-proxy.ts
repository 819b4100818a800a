import { setMaxListeners } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { WireAnswer } from './fault-proxy-answers.ts';
import { FAULTS, type Exchange } from './fault-proxy-faults.ts';
import { createLedger, type LedgerReport, type ProxyLedger } from './fault-proxy-ledger.ts';
import { createProxyMemory } from './fault-proxy-memory.ts';
import { operationOf } from './fault-proxy-operation.ts';
import { createRuleBook, type Decision, type FaultRule, type RuleBook, type Service } from './fault-proxy-rules.ts';

export type { FaultRule } from './fault-proxy-rules.ts';
export { badDay } from './fault-proxy-rules.ts';
export type { LedgerReport } from './fault-proxy-ledger.ts';

export interface FaultProxyOptions {
  /** Endpoints of the servers behind it, for the services that shall be reachable. */
  readonly targets: Readonly<Partial<Record<Service, string>>>;
  /** Default: none, everything passes. */
  readonly rules?: readonly FaultRule[];
  /** Default 1. */
  readonly seed?: number;
  /** Default: a free one. */
  readonly port?: number;
}

export interface FaultProxy {
  /** `http://127.0.0.1:PORT`, for all services. */
  readonly endpoint: string;
  readonly port: number;
  /** Other rules from here on, their counts at zero; `[]` lets everything pass. */
  setRules(rules: readonly FaultRule[], seed?: number): Promise<void>;
  /** What went by since the start. */
  ledger(): Promise<LedgerReport>;
  /** Waits until nothing is on its way to a server any more: what a client gave up may still be applied. */
  settled(): Promise<void>;
  /** Cuts every connection. */
  stop(): Promise<void>;
}

interface State {
  readonly targets: FaultProxyOptions['targets'];
  readonly ledger: ProxyLedger;
  readonly memory: ReturnType<typeof createProxyMemory>;
  readonly agent: Agent;
  readonly stopping: AbortController;
  readonly underWay: Set<Promise<void>>;
  rules: RuleBook;
}

/** An HTTP proxy before servers of AWS protocols that does to requests what networks and busy services do. On loopback, in this process. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const seed = options.seed ?? 1;
  const state: State = {
    targets: options.targets,
    ledger: createLedger(),
    memory: createProxyMemory(),
    // Idle connections go before the servers close them, so that no request meets a connection that is just being closed.
    agent: new Agent({ keepAlive: true, timeout: 4_000 }),
    stopping: new AbortController(),
    underWay: new Set(),
    rules: createRuleBook(options.rules ?? [], seed),
  };
  // Every request under way listens to it.
  setMaxListeners(0, state.stopping.signal);
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const work = serve(state, request, response).catch((error: unknown) => {
      if (!state.stopping.signal.aborted) state.ledger.broke(error);
      request.socket.resetAndDestroy();
    });
    state.underWay.add(work);
    void work.finally(() => state.underWay.delete(work));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    // A client that goes away is none of the proxy's business.
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const settled = async (): Promise<void> => {
    while (state.underWay.size > 0) await Promise.all(state.underWay);
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    setRules: async (rules, again = seed) => {
      state.rules = createRuleBook(rules, again);
    },
    ledger: async () => state.ledger.report(),
    settled,
    async stop() {
      state.stopping.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await settled();
      state.agent.destroy();
    },
  };
}

async function serve(state: State, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => undefined);
  const method = incoming.method ?? 'GET';
  const url = incoming.url ?? '/';
  const { service, operation } = operationOf(method, url, incoming.headers);
  const head = { service, operation, about: `${decoded(url)}\n` };
  const cuts = state.rules.decide(head, performance.now(), 'head');
  const body = await (cuts.length > 0 ? firstChunk(incoming) : readAll(incoming)).catch(() => null);
  if (body === null) return;
  const entry = state.ledger.arrived(service, operation, body.length);
  const request = { service, operation, method, path: url, body };
  const exchange = createExchange(state, { incoming, response, entry, request });
  const whole = { ...head, about: head.about + body.toString('utf8', 0, 65_536) };
  for (const decision of cuts.length > 0 ? cuts : state.rules.decide(whole, performance.now())) {
    const { fault } = decision.rule;
    const label = entry.fault(fault, decoded(url));
    if ((await FAULTS[fault](exchange, decision)) === false) takeBack(state, decision, label);
  }
  if (!exchange.isAnswered()) exchange.answer(await exchange.forward());
}

function takeBack(state: State, decision: Decision, label: () => void): void {
  state.rules.withdraw(decision);
  label();
}

interface Going {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly entry: ReturnType<ProxyLedger['arrived']>;
  readonly request: Exchange['request'];
}

function createExchange(
  state: State,
  { incoming, response, entry, request }: Going,
): Exchange & { isAnswered(): boolean } {
  let isAnswered = false;
  const write = (answer: WireAnswer): void => {
    isAnswered = true;
    if (response.destroyed) return;
    // The answer to HEAD has the length of what GET would give, and no body.
    const length = request.method === 'HEAD' ? {} : { 'content-length': String(answer.body.length) };
    response.writeHead(answer.status, { ...answer.headers, ...length } as Record<string, string>);
  };
  return {
    request,
    memory: state.memory,
    isAnswered: () => isAnswered,
    async forward(body: Buffer = request.body) {
      const target = state.targets[request.service];
      if (target === undefined) throw new Error(`this proxy leads to no ${request.service}`);
      const answer = await send(state, { target, incoming, body });
      entry.applied(answer.status, answer.body.length);
      if (body === request.body) state.memory.note(request, answer);
      return answer;
    },
    answer(answer: WireAnswer) {
      write(answer);
      response.end(answer.body);
    },
    cut(half?: WireAnswer) {
      isAnswered = true;
      if (half === undefined || half.body.length < 2) {
        incoming.socket.resetAndDestroy();
        return;
      }
      write(half);
      // The half has to be on its way before the connection ends.
      response.write(half.body.subarray(0, half.body.length >> 1), () => incoming.socket.destroy());
    },
    hold() {
      isAnswered = true;
    },
    async sleep(ms: number) {
      await delay(ms, undefined, { signal: state.stopping.signal }).catch(() => undefined);
    },
  };
}

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'expect', 'content-length', 'trailer']);

/** Gives a request to the server: all headers, Host too, from which queues get the addresses that lead back here. */
function send(
  state: State,
  { target, incoming, body }: { readonly target: string; readonly incoming: IncomingMessage; readonly body: Buffer },
): Promise<WireAnswer> {
  const { hostname, port } = new URL(target);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(incoming.headers))
    if (!HOP_BY_HOP.has(name) && value !== undefined) headers[name] = value;
  if (body.length > 0 || !['GET', 'HEAD', 'DELETE'].includes(incoming.method ?? 'GET'))
    headers['content-length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        hostname,
        port,
        method: incoming.method,
        path: incoming.url,
        headers,
        agent: state.agent,
        signal: state.stopping.signal,
      },
      (answer) => {
        readAll(answer).then(
          (bytes) =>
            resolve({ status: answer.statusCode ?? 500, headers: passedOn(answer, incoming.method), body: bytes }),
          reject,
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function passedOn(answer: IncomingMessage, method: string | undefined): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && (!HOP_BY_HOP.has(name) || (method === 'HEAD' && name === 'content-length')))
      headers[name] = value;
  return headers;
}

const firstChunk = (stream: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve) => {
    stream.once('data', resolve);
    for (const event of ['end', 'close']) stream.once(event, () => resolve(Buffer.alloc(0)));
  });

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The URL as a person writes it; what is no valid escape stays. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}
