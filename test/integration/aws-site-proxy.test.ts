import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { awsClientConfig } from '../../src/backends/shared/aws/client-config.ts';
import { awsFailure } from '../../src/backends/shared/aws/failure.ts';
import { freshBucket, useTestCredentials } from '../support/aws-resources.ts';

/** The proxy of a site: forwards plain requests, refuses tunnels, and notes what it was asked for. */
async function startSiteProxy(): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((incoming, answer) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const onwards = request(incoming.url ?? '', { method: incoming.method, headers: incoming.headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    incoming.pipe(onwards);
  });
  server.on('connect', ({ url }, socket) => {
    asked.push(`CONNECT ${url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://user:hidden-word@127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

describe('a site whose hosts reach the services through a proxy', () => {
  let proxy: Awaited<ReturnType<typeof startSiteProxy>>;

  beforeAll(async () => {
    useTestCredentials();
    proxy = await startSiteProxy();
    return () => proxy.server.close();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    proxy.asked.length = 0;
  });

  test('is asked for what HTTP_PROXY covers, and not for what NO_PROXY names', async () => {
    const { bucket, endpoint } = await freshBucket();
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const look = async (): Promise<void> => {
      const client = new S3Client({ ...(await awsClientConfig('s3', { endpoint })), forcePathStyle: true });
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
      client.destroy();
    };
    await look();
    expect(proxy.asked).toEqual([`HEAD ${endpoint}/${bucket}/`]);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await look();
    expect(proxy.asked).toHaveLength(1);
  });

  test('is asked for a tunnel to AWS; its refusal is told without its password', async () => {
    vi.stubEnv('https_proxy', proxy.url);
    const client = new S3Client(await awsClientConfig('s3', { region: 'eu-central-1' }));
    const refused: unknown = await client.send(new HeadBucketCommand({ Bucket: 'some-bucket' })).catch((e) => e);
    client.destroy();
    expect(proxy.asked).toEqual(['CONNECT some-bucket.s3.eu-central-1.amazonaws.com:443']);
    expect(awsFailure(refused)).toMatchObject({ kind: 'not-a-service', words: expect.stringContaining('403') });
    expect(JSON.stringify(awsFailure(refused))).not.toContain('hidden-word');
  });
});
