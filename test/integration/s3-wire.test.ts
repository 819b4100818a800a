import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { S3ObjectStore } from '../../src/backends/object-store/s3.ts';
import { openS3Store } from '../contract/object-store-s3.ts';
import { useTestCredentials } from '../support/aws-resources.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly port: number;
  readonly body: Buffer;
}

const seen: Seen[] = [];
let answers: ((response: ServerResponse) => void)[] = [];
const server = createServer((request, response) => void take(request, response));
let endpoint: string;

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers, socket } = request;
  seen.push({ method, url, headers, port: socket.remotePort ?? 0, body: Buffer.concat(chunks) });
  const answer = answers.shift();
  if (answer === undefined) response.writeHead(200, { etag: '"1"' }).end();
  else answer(response);
}

beforeAll(async () => {
  useTestCredentials();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  seen.length = 0;
  answers = [];
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const open = (more = ''): Promise<S3ObjectStore> =>
  openS3Store(`s3://bucket/run?region=us-east-1&endpoint=${endpoint}${more}`);
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('base64');
const crc = (bytes: Buffer): string => {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
};

it('large bodies go over one connection, at once and of known length', async () => {
  const store = await open();
  for (const _ of [1, 2]) await store.put('k', Buffer.alloc(4_000_000, 'x'));
  expect(new Set(seen.map(({ port }) => port)).size).toBe(1);
  for (const { headers, url } of seen) {
    expect(url).toBe('/bucket/run/k?x-id=PutObject');
    expect(headers.expect).toBeUndefined();
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(headers['content-length']).toBe('4000000');
    expect(headers['x-amz-checksum-crc32']).toBe(crc(Buffer.alloc(4_000_000, 'x')));
    expect(headers['x-amz-meta-sha256']).toHaveLength(64);
  }
});

it('older servers get the check that they know, and no other where none is required', async () => {
  const store = await open('&checksums=when-required');
  await store.put('k', 'hello');
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hello');
  }
  await store.put('k', stream());
  answers = [(response) => response.writeHead(200, { 'content-type': 'application/xml' }).end('<DeleteResult/>')];
  await store.delete(['a', 'b']);
  for (const { headers, body } of seen) {
    expect(headers['content-md5']).toBe(md5(body));
    expect(headers['x-amz-trailer']).toBeUndefined();
    expect(headers['content-encoding']).toBeUndefined();
  }
  expect(seen.map(({ headers }) => 'x-amz-checksum-crc32' in headers)).toEqual([false, false, true]);
});

it("a read that the server vouches for is cut, resumed and compared with the server's checksum", async () => {
  const bytes = Buffer.from('0123456789');
  const vouched = { etag: '"1"', 'x-amz-checksum-crc32': crc(bytes), 'x-amz-checksum-type': 'FULL_OBJECT' };
  const cut = (response: ServerResponse): void => {
    response.writeHead(200, { ...vouched, 'content-length': '10' });
    response.write(bytes.subarray(0, 4), () => response.destroy());
  };
  const rest = (response: ServerResponse): void => {
    // Some servers send the checksum of the whole object with a part of it.
    response.writeHead(206, { ...vouched, 'content-length': '6', 'content-range': 'bytes 4-9/10' });
    response.end(bytes.subarray(4));
  };
  const whole = (sent: Buffer) => (response: ServerResponse) =>
    void response.writeHead(200, { ...vouched, 'content-length': '10' }).end(sent);
  const store = await open();
  answers = [cut, rest];
  expect(Buffer.from((await store.get('k')) ?? [])).toEqual(bytes);
  expect(seen[1]?.headers).toMatchObject({ range: 'bytes=4-', 'if-match': '"1"' });
  expect(seen[0]?.headers['x-amz-checksum-mode']).toBe('ENABLED');
  expect(seen[1]?.headers['x-amz-checksum-mode']).toBeUndefined();
  answers = [whole(Buffer.from('0123x56789')), whole(bytes)];
  expect(Buffer.from((await store.get('k')) ?? [])).toEqual(bytes);
  answers = [whole(Buffer.from('0123x56789')), whole(Buffer.from('0123x56789'))];
  await expect(store.get('k')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
});
