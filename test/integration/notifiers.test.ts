import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createNotifier, type NotifierContext } from '../../src/backends/notifier/index.ts';
import type { AlertChannel, MailSettings } from '../../src/domain/alert-rule.ts';
import { wordMessage } from '../../src/observe/alerts/word-message.ts';
import type { Notice } from '../../src/ports/notifier.ts';
import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { startWebHook, type WebHook } from '../support/web-hook.ts';
import { factsAt, itemsOf } from '../unit/observe/alerts/alert-facts.fixture.ts';

const HOSTILE = 'embed\r\nBcc: all@example.org\r\n\r\n<!channel> & <https://evil.example|look> é ✓';
const PASSWORD = 'hunter2-of-the-mail';

const notice: Notice = wordMessage(factsAt(5, { name: HOSTILE, state: 'FAILED', items: itemsOf(588, 412) }), {
  id: 'embed-7k3f9q2m#0#failed#1#abc',
  event: 'failed',
  what: `ended as FAILED: ${HOSTILE}`,
  place: 'file:///state',
});

function contextOf(over: Partial<NotifierContext> = {}): NotifierContext {
  return {
    mail: { sendmail: '/none', from: 'slurmctl@example.org' },
    env: { PATH: process.env['PATH'], SMTP_PASSWORD: PASSWORD },
    clock: createSystemClock(),
    host: { user: 'ada', hostname: 'login1' },
    sendMs: 5_000,
    places: { SLURMCTL_HOME: '/home/ada/slurmctl' },
    ...over,
  };
}

const send = (channel: AlertChannel, context = contextOf(), signal = new AbortController().signal): Promise<string> =>
  createNotifier(channel, context).send(notice, signal);

const mailBy = (server: MailServer, over: Partial<NonNullable<MailSettings['smtp']>> = {}): NotifierContext =>
  contextOf({
    mail: {
      sendmail: '/none',
      from: 'slurmctl@example.org',
      smtp: { host: '127.0.0.1', port: server.port, security: 'none', ...over },
    },
  });

const login = { user: 'ada', password: { from: 'env', name: 'SMTP_PASSWORD' } } as const;
const me: AlertChannel = { kind: 'mail', to: ['me@example.org', 'you@example.org'] };

async function withMail(options: Parameters<typeof startMailServer>[0], use: (server: MailServer) => Promise<void>) {
  const server = await startMailServer(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function withHook(use: (hook: WebHook) => Promise<void>): Promise<void> {
  const hook = await startWebHook();
  try {
    await use(hook);
  } finally {
    await hook.stop();
  }
}

describe('mail', () => {
  it('arrives with one subject, whatever the name of the job tries, and always with the same id', () =>
    withMail({}, async (server) => {
      await send(me, mailBy(server, login));
      await send(me, mailBy(server, login));
      const [mail, again] = server.mails;
      expect(mail).toMatchObject({ from: 'slurmctl@example.org', to: me.to, login: `ada:${PASSWORD}` });
      const [head = '', ...body] = (mail?.data ?? '').split('\r\n\r\n');
      const names = head
        .split('\r\n')
        .filter((line) => !/^\s/.test(line))
        .map((line) => line.split(':')[0]?.toLowerCase());
      expect(names.filter((name) => name === 'subject')).toHaveLength(1);
      expect(names).not.toContain('bcc');
      expect(names).toContain('auto-submitted');
      expect(body.join('')).toMatch(/analyze-errors/);
      const idOf = (data: string | undefined): string | undefined => /^message-id: (.*)$/im.exec(data ?? '')?.[1];
      expect(idOf(mail?.data)).toMatch(/^<[0-9a-f]{32}@example\.org>$/);
      expect(idOf(again?.data)).toBe(idOf(mail?.data));
    }));

  it.each([
    ['a login', { login: `535 no such user with ${PASSWORD}` }, /535/],
    ['a recipient', { recipient: '550 nobody here' }, /550/],
  ])('that is refused for %s says so, without the password', (_, refuse, says) =>
    withMail({ refuse }, async (server) => {
      const error = await send(me, mailBy(server, login)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ALERT_NOT_SENT', message: expect.stringMatching(says) });
      expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain(PASSWORD);
    }),
  );

  it('that some of the recipients get says who does not, and is not sent again to the others', () =>
    withMail({ refuse: { recipient: '550 nobody here', which: /^you@/ } }, async (server) => {
      expect(await send(me, mailBy(server))).toBe('refused for you@example.org: 550 nobody here');
      expect(server.mails).toMatchObject([{ to: ['me@example.org'] }]);
    }));

  it('to a server that says nothing, or is not there, ends in time', () =>
    withMail({ silent: true }, async (server) => {
      const context = { ...mailBy(server), sendMs: 100 };
      await expect(send(me, context, AbortSignal.timeout(300))).rejects.toMatchObject({
        code: 'ALERT_NOT_SENT',
        message: expect.stringMatching(/: no answer in time$/),
      });
      await server.stop();
      await expect(send(me, context)).rejects.toMatchObject({ message: expect.stringContaining('ECONNREFUSED') });
    }));

  it('to a server that never comes to the point is given up when its time is over, and so is the connection', () =>
    withMail({ drips: true }, async (server) => {
      const ending = new AbortController();
      const sent = send(me, { ...mailBy(server), sendMs: 600_000 }, ending.signal);
      await expect.poll(() => server.connections()).toBe(1);
      ending.abort();
      await expect(sent).rejects.toMatchObject({
        code: 'ALERT_NOT_SENT',
        message: expect.stringMatching(/: no answer in time$/),
      });
      await expect.poll(() => server.connections()).toBe(0);
    }));

  it('that must be encrypted is not sent in the clear', () =>
    withMail({}, async (server) => {
      const context = { ...mailBy(server, { ...login, security: 'starttls' }), sendMs: 500 };
      await expect(send(me, context)).rejects.toMatchObject({ code: 'ALERT_NOT_SENT' });
      expect(server.mails).toEqual([]);
    }));

  it('goes by sendmail: addresses as arguments, the message on stdin', () =>
    withTempDir(async (root) => {
      const program = join(root, 'sendmail');
      writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${root}/args\ncat > ${root}/mail\n`, { mode: 0o700 });
      const mail: MailSettings = { sendmail: program };
      await send(me, contextOf({ mail }));
      expect(readFileSync(join(root, 'args'), 'utf8').split('\n')).toEqual([
        '-i',
        '-f',
        'ada@login1',
        '--',
        ...me.to,
        '',
      ]);
      expect(readFileSync(join(root, 'mail'), 'utf8')).toMatch(
        /^From: ada@login1\nTo: me@example.org, you@example.org\n/m,
      );
      writeFileSync(program, '#!/bin/sh\necho "no queue" >&2\nexit 75\n');
      await expect(send(me, contextOf({ mail }))).rejects.toThrow(`${program}: ended with exit code 75: no queue`);
    }));
});

describe('a webhook', () => {
  it('gets the event, signed, with an id that says a repetition', () =>
    withHook(async (hook) => {
      const secret = { from: 'env', name: 'HOOK_SECRET' } as const;
      const context = contextOf({ env: { HOOK_SECRET: 'shared-secret' } });
      await send({ kind: 'webhook', url: `${hook.url}/in?token=abcdefgh`, secret }, context);
      const [post] = hook.posts;
      expect(JSON.parse(post?.body ?? '')).toEqual({ ...notice.event, subject: notice.subject, text: notice.text });
      const stamp = String(post?.headers['x-slurmctl-timestamp']);
      const mac = createHmac('sha256', 'shared-secret').update(`${stamp}.${post?.body}`).digest('hex');
      expect(post?.headers).toMatchObject({
        'content-type': 'application/json',
        'x-slurmctl-event': 'failed',
        'x-slurmctl-signature': `sha256=${mac}`,
        'idempotency-key': encodeURIComponent(notice.event.id),
      });
    }));

  it('that refuses, redirects, or never answers is an error without its address', () =>
    withHook(async (hook) => {
      const url = `${hook.url}/in?token=abcdefgh`;
      const refusal = async (): Promise<string> => {
        const error = await send({ kind: 'webhook', url }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'ALERT_NOT_SENT' });
        expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain('abcdefgh');
        return (error as Error).message;
      };
      hook.answer = { status: 500, body: `no such hook: ${url}` };
      expect(await refusal()).toBe(`${hook.url}: answered 500: no such hook: ***`);
      // Servers like to say which path they do not know.
      hook.answer = { status: 404, body: `The requested URL /in?token=abcdefgh was not found (token abcdefgh)` };
      expect(await refusal()).toBe(`${hook.url}: answered 404: The requested URL *** was not found (token ***)`);
      hook.answer = { status: 302, location: `${hook.url}/elsewhere` };
      expect(await refusal()).toBe(`${hook.url}: answered 302`);
      hook.answer = null;
      const ending = new AbortController();
      const sent = send({ kind: 'webhook', url }, contextOf(), ending.signal);
      await expect.poll(() => hook.posts.length).toBe(4);
      ending.abort();
      await expect(sent).rejects.toMatchObject({
        code: 'ALERT_NOT_SENT',
        message: `${hook.url}: no answer in time`,
      });
      await hook.stop();
      expect(await refusal()).toBe(`${hook.url}: ECONNREFUSED`);
    }));

  it('goes through the proxy of the site', () =>
    withHook(async (hook) => {
      vi.stubEnv('http_proxy', hook.url);
      try {
        await send({ kind: 'webhook', url: 'http://hooks.example.test/in' });
      } finally {
        vi.unstubAllEnvs();
      }
      expect(hook.posts.map(({ path }) => path)).toEqual(['http://hooks.example.test/in']);
    }));

  it('of Slack gets text that mentions nobody and links nowhere', () =>
    withHook(async (hook) => {
      await send(
        { kind: 'slack', url: { from: 'env', name: 'SLACK_URL' } },
        contextOf({ env: { SLACK_URL: `${hook.url}/T0/B0/x` } }),
      );
      expect(hook.posts[0]?.path).toBe('/T0/B0/x');
      const { text } = JSON.parse(hook.posts[0]?.body ?? '') as { text: string };
      expect(text).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|look&gt;');
      expect(text).not.toMatch(/[<>]/);
    }));
});

describe('a secret', () => {
  it('that is missing, empty or open to others is refused by its reference', () =>
    withTempDir(async (root) => {
      const file = join(root, 'slack');
      const channel: AlertChannel = { kind: 'slack', url: { from: 'file', path: file } };
      await expect(send({ kind: 'slack', url: { from: 'env', name: 'NONE' } })).rejects.toThrow(
        'env:NONE: found no such variable',
      );
      await expect(send(channel)).rejects.toMatchObject({
        code: 'ALERT_NOT_SENT',
        message: expect.stringContaining(`file:${file}: `),
      });
      writeFileSync(file, '\n', { mode: 0o600 });
      await expect(send(channel)).rejects.toThrow('found an empty file');
      writeFileSync(file, 'not-an-address-but-secret\n');
      const error = await send(channel).catch((thrown: unknown) => String(thrown));
      expect(error).toMatch(/no http or https URL/);
      expect(error).not.toContain('not-an-address-but-secret');
      chmodSync(file, 0o640);
      await expect(send(channel)).rejects.toMatchObject({ hint: `Run: chmod 600 ${file}` });
    }));
});

describe('a program', () => {
  it('gets the event on stdin and in its environment, in its directory, and is judged by its end', () =>
    withTempDir(async (root) => {
      const script = (text: string): void =>
        writeFileSync(join(root, 'tell.sh'), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
      const channel: AlertChannel = { kind: 'command', argv: ['./tell.sh', '$(touch evil)'], cwd: root };
      script(
        'cat > event.json; printf "%s\\n" "$1" "$SLURMCTL_EVENT" "$SLURMCTL_JOB" "$SLURMCTL_ITEMS_FAILED" "$SLURMCTL_HOME" > facts; echo told',
      );
      expect(await send(channel)).toBe('told');
      expect(JSON.parse(readFileSync(join(root, 'event.json'), 'utf8'))).toMatchObject(notice.event);
      expect(readFileSync(join(root, 'facts'), 'utf8').split('\n')).toEqual([
        '$(touch evil)',
        'failed',
        'embed-7k3f9q2m',
        '412',
        '/home/ada/slurmctl',
        '',
      ]);
      script('echo "no pager" >&2; exit 3');
      await expect(send(channel)).rejects.toThrow('./tell.sh: ended with exit code 3: no pager');
      script('exec sleep 60');
      await expect(send(channel, contextOf({ sendMs: 200 }), AbortSignal.timeout(200))).rejects.toThrow(
        'did not end within 0.2 s and was killed',
      );
      script('sleep 0.3; echo late');
      // Its signal alone ends it.
      expect(await send(channel, contextOf({ sendMs: 100 }))).toBe('late');
      await expect(send({ ...channel, argv: ['./none.sh'] })).rejects.toThrow('found no such program');
      script('head -c 300000 /dev/zero | tr "\\0" "x"; echo; touch finished; echo uploaded');
      expect(await send(channel)).toBe('uploaded');
      expect(existsSync(join(root, 'finished'))).toBe(true);
    }));
});
