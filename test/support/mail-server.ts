import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, with CRLF. */
  readonly data: string;
  /** User and password of AUTH PLAIN; null without a login. */
  readonly login: string | null;
}

export interface MailServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** Open connections. */
  connections(): number;
  stop(): Promise<void>;
}

/** Answers to a login and to a recipient; `which`: only to such recipients. */
interface Refusals {
  readonly login?: string;
  readonly recipient?: string;
  readonly which?: RegExp;
}

/**
 * As much of SMTP (RFC 5321) as a client needs to hand over a mail. `silent`: takes
 * connections and says nothing. `drips`: greets without end.
 */
export async function startMailServer({
  refuse,
  silent = false,
  drips = false,
}: {
  readonly refuse?: Refusals;
  readonly silent?: boolean;
  readonly drips?: boolean;
} = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (drips) drip(socket);
    else if (!silent) converse(socket, { mails, refuse: refuse ?? {} });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    connections: () => sockets.size,
    async stop() {
      if (!server.listening) return;
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('220-one moment\r\n'), 20);
  socket.on('close', () => clearInterval(timer));
}

function converse(
  socket: Socket,
  { mails, refuse }: { readonly mails: ReceivedMail[]; readonly refuse: Refusals },
): void {
  let envelope = { from: '', to: [] as string[], login: null as string | null };
  let data: string[] | null = null;
  let buffered = '';
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const hear = (line: string): void => {
    if (data !== null) {
      if (line !== '.') return void data.push(line.replace(/^\./, ''));
      mails.push({ ...envelope, data: data.join('\r\n') });
      data = null;
      return say('250 taken');
    }
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') return say('250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME');
    if (verb === 'AUTH') {
      envelope = {
        ...envelope,
        login: Buffer.from(line.split(' ')[2] ?? '', 'base64')
          .toString()
          .split('\0')
          .slice(1)
          .join(':'),
      };
      return say(refuse.login ?? '235 welcome');
    }
    if (verb === 'MAIL') {
      envelope = { ...envelope, from: addressIn(line), to: [] };
      return say('250 fine');
    }
    if (verb === 'RCPT') {
      const address = addressIn(line);
      if (refuse.recipient !== undefined && (refuse.which?.test(address) ?? true)) return say(refuse.recipient);
      envelope.to.push(address);
      return say('250 fine');
    }
    if (verb === 'DATA') {
      data = [];
      return say('354 go on');
    }
    if (verb === 'QUIT') {
      say('221 bye');
      return void socket.end();
    }
    return say('250 fine');
  };
  socket.on('data', (chunk: Buffer) => {
    const lines = (buffered + chunk.toString()).split('\r\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  say('220 test');
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? '';
