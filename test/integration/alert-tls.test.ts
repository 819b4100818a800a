import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { createCli, type CliResult } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { startMailServer } from '../support/mail-server.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { startWebHook } from '../support/web-hook.ts';

const PASSWORD = 'hunter2-of-the-mail';
let project = '';
beforeAll(async () => {
  project = await compiledProject();
});

/** `slurmctl alert test` with these settings, by somebody who trusts the authority, or nobody but the usual ones. */
async function test(root: string, settings: string, trusted: string | null): Promise<CliResult> {
  writeFileSync(join(root, 'slurmctl.yaml'), settings);
  writeFileSync(join(root, 'ca.pem'), trusted ?? '');
  const trust = trusted === null ? {} : { NODE_EXTRA_CA_CERTS: join(root, 'ca.pem') };
  const cli = createCli(root, { ...trust, SMTP_PASSWORD: PASSWORD, HOME: root }, project);
  return cli('alert', 'test', 'it', '--home', join(root, 'home'));
}

const mailBy = (port: number, security: string): string =>
  `mail: {server: "127.0.0.1:${port}", security: ${security}, user: ada, password: "env:SMTP_PASSWORD", from: a@example.org}
channels: {it: {mail: [me@example.org]}}
`;
const hookAt = (url: string): string => `channels: {it: {webhook: "${url}/in?token=abcdefgh"}}\n`;

const NOT_TRUSTED = /ALERT_NOT_SENT[\s\S]*certificate[\s\S]*NODE_EXTRA_CA_CERTS/;

it.each(['starttls', 'tls'] as const)(
  'mail by %s goes to a server that is trusted, and no password to another',
  (security) =>
    withTempDir(async (root) => {
      const authority = createAuthority();
      const from = security === 'tls' ? 'beginning' : 'starttls';
      const server = await startMailServer({ tls: { ...authority.certify(), from } });
      try {
        const settings = mailBy(server.port, security);
        const refused = await test(root, settings, null);
        expect(refused.code).toBe(5);
        expect(refused.stderr).toMatch(NOT_TRUSTED);
        const other = await test(root, settings, createAuthority('Another one').cert);
        expect(other.stderr).toMatch(NOT_TRUSTED);
        expect(server.mails).toEqual([]);
        expect(await test(root, settings, authority.cert)).toMatchObject({ code: 0 });
        expect(server.mails).toMatchObject([{ encrypted: true, login: `ada:${PASSWORD}`, to: ['me@example.org'] }]);
        expect(refused.stderr + refused.stdout + other.stderr).not.toContain(PASSWORD);
      } finally {
        await server.stop();
      }
    }),
);

it.each([
  ['has expired', { expired: true }, /certificate has expired/],
  ['is for another name', { name: 'mail.example.org' }, /certificate is for another name/],
])('a certificate that %s is refused, with what is wrong with it', (_, wanted, says) =>
  withTempDir(async (root) => {
    const authority = createAuthority();
    const certified = authority.certify(wanted);
    const server = await startMailServer({ tls: { ...certified, from: 'starttls' } });
    const hook = await startWebHook(certified);
    try {
      for (const settings of [mailBy(server.port, 'starttls'), hookAt(hook.url)]) {
        const { code, stderr } = await test(root, settings, authority.cert);
        expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringMatching(says) });
      }
      expect([...server.mails, ...hook.posts]).toEqual([]);
    } finally {
      await Promise.all([server.stop(), hook.stop()]);
    }
  }),
);

it('a webhook over https gets its message where its certificate is trusted, and nothing elsewhere', () =>
  withTempDir(async (root) => {
    const authority = createAuthority();
    const hook = await startWebHook(authority.certify());
    try {
      const refused = await test(root, hookAt(hook.url), null);
      expect(refused.code).toBe(5);
      expect(refused.stderr).toMatch(NOT_TRUSTED);
      expect(refused.stderr).not.toContain('abcdefgh');
      expect(hook.posts).toEqual([]);
      expect(await test(root, hookAt(hook.url), authority.cert)).toMatchObject({ code: 0 });
      expect(hook.posts).toMatchObject([{ path: '/in?token=abcdefgh' }]);
    } finally {
      await hook.stop();
    }
  }));

it('a mail server that offers no STARTTLS gets nothing where it has to be', () =>
  withTempDir(async (root) => {
    const server = await startMailServer();
    try {
      const { code, stderr } = await test(root, mailBy(server.port, 'starttls'), null);
      expect(code).toBe(5);
      expect(stderr).toMatch(/STARTTLS/);
      expect(server.mails).toEqual([]);
    } finally {
      await server.stop();
    }
  }));
