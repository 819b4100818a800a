import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { Certified } from './certificates.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, with CRLF. */
  readonly data: string;
  /** User and password of AUTH PLAIN; null without a login. */
  readonly login: string | null;
  /** It came over TLS. */
  readonly encrypted: boolean;
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
 * connections and says nothing. `drips`: greets without end. `tls`: from the first byte, or offered as STARTTLS.
 */
export async function startMailServer({
  refuse,
  silent = false,
  drips = false,
  tls,
}: {
  readonly refuse?: Refusals;
  readonly silent?: boolean;
  readonly drips?: boolean;
  readonly tls?: Certified & { readonly from: 'beginning' | 'starttls' };
} = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (drips) drip(socket);
    else if (!silent) converse(socket, { mails, refuse: refuse ?? {}, ...(tls?.from === 'starttls' ? { tls } : {}) });
  };
  const server = tls?.from === 'beginning' ? createTlsServer(tls, serve) : createServer(serve);
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

interface Conversation {
  readonly mails: ReceivedMail[];
  readonly refuse: Refusals;
  /** Offered to the client. */
  readonly tls?: Certified;
  /** It was greeted before it asked for TLS. */
  readonly isGreeted?: boolean;
}

function converse(socket: Socket, conversation: Conversation): void {
  const { mails, refuse, tls, isGreeted = false } = conversation;
  const encrypted = socket instanceof TLSSocket;
  let envelope = { from: '', to: [] as string[], login: null as string | null, encrypted };
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
    if (verb === 'EHLO')
      return say(`250-test\r\n${tls === undefined ? '' : '250-STARTTLS\r\n'}250-AUTH PLAIN\r\n250 8BITMIME`);
    if (verb === 'STAR') {
      if (tls === undefined) return say('502 never heard of it');
      say('220 go on in secret');
      socket.removeAllListeners('data');
      const secure = new TLSSocket(socket, { ...tls, isServer: true });
      secure.on('error', () => socket.destroy());
      return converse(secure, { mails, refuse, isGreeted: true });
    }
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
  if (!isGreeted) say('220 test');
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? '';
