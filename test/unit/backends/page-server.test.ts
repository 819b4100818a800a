import { request } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { openPageServer, type PageServer } from '../../../src/backends/page-server/index.ts';
import { AppError } from '../../../src/errors/app-error.ts';

const TOKEN = 't0ken';
const open: PageServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function start(port = 0): Promise<PageServer> {
  const server = await openPageServer({
    port,
    token: TOKEN,
    answer: async (path) => {
      if (path === 'late') throw new AppError('STATE_UNCERTAIN', { message: 'the table does not answer' });
      if (path === 'bug') throw new TypeError('a bug');
      return path === '' ? { type: 'text/html; charset=utf-8', body: '<p>page</p>' } : null;
    },
  });
  open.push(server);
  return server;
}

interface Got {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

const ask = ({ url }: PageServer, path: string, more: { method?: string; host?: string } = {}): Promise<Got> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(url);
    const headers = { host: more.host ?? host };
    request({ hostname, port, path, method: more.method ?? 'GET', headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });

it('serves on loopback to whoever has the token', async () => {
  const server = await start();
  expect(new URL(server.url)).toMatchObject({ hostname: '127.0.0.1', pathname: `/${TOKEN}/` });
  const got = await ask(server, `/${TOKEN}/`);
  expect(got).toMatchObject({ status: 200, body: '<p>page</p>' });
  expect(got.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
  expect(await ask(server, `/${TOKEN}/?x=1`, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

it.each(['/', '', '/t0ke/', '/T0KEN/', `/x/${TOKEN}/`, `/${TOKEN}x/`, '/%74oken/'])(
  'refuses %j, which lacks the token',
  async (path) => {
    const got = await ask(await start(), path === '' ? '/' : path);
    expect(got).toMatchObject({ status: 403 });
    expect(got.body).not.toContain(TOKEN);
  },
);

it('refuses a name that only resolves to this host, other methods, and paths that are none', async () => {
  const server = await start();
  expect(await ask(server, `/${TOKEN}/`, { host: 'evil.example:80' })).toMatchObject({ status: 403 });
  for (const host of ['localhost:8080', '127.0.0.1', '[::1]:9'])
    expect(await ask(server, `/${TOKEN}/`, { host })).toMatchObject({ status: 200 });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect(await ask(server, `/${TOKEN}/`, { method })).toMatchObject({ status: 405 });
  expect(await ask(server, `/${TOKEN}/../../etc/passwd`)).toMatchObject({ status: 404 });
});

it('goes on after what can pass, and tells of a bug', async () => {
  const server = await start();
  expect(await ask(server, `/${TOKEN}/late`)).toMatchObject({
    status: 503,
    body: 'the table does not answer [STATE_UNCERTAIN]\n',
  });
  expect(await ask(server, `/${TOKEN}/`)).toMatchObject({ status: 200 });
  expect(await ask(server, `/${TOKEN}/bug`)).toMatchObject({ status: 500, body: 'This is a fault of slurmctl.\n' });
  await expect(server.failed).rejects.toThrow('a bug');
});

it('says when a port is taken', async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  await expect(start(port)).rejects.toMatchObject({
    code: 'USAGE',
    message: `--port ${port}: another program listens there`,
  });
});
