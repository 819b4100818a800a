/** Secrets are read when they are used, and never kept. */
import { readFile, stat } from 'node:fs/promises';
import type { SecretReference } from '../../domain/alert-rule.ts';
import { AppError } from '../../errors/app-error.ts';
import { describeFailure } from '../shared/fs-errno.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Readable by anybody but its owner. */
const NOT_PRIVATE = 0o077;

/** `env:NAME` or `file:/path`, as settings say it. */
export const wordsOfSecret = (reference: SecretReference): string =>
  reference.from === 'env' ? `env:${reference.name}` : `file:${reference.path}`;

/** @throws ALERT_NOT_SENT when it is not there, or a file that others may read */
export async function readSecret(reference: SecretReference, env: Environment): Promise<string> {
  const words = wordsOfSecret(reference);
  if (reference.from === 'env') {
    const found = env[reference.name]?.trim() ?? '';
    if (found !== '') return found;
    throw new AppError('ALERT_NOT_SENT', {
      message: `${words}: found no such variable on this host, expected a secret`,
      hint: `Set ${reference.name} where slurmctl runs, or use file: with the path of a file`,
    });
  }
  try {
    const { mode } = await stat(reference.path);
    if ((mode & NOT_PRIVATE) !== 0)
      throw new AppError('ALERT_NOT_SENT', {
        message: `${words}: found a file that others may read, expected one that is yours alone`,
        hint: `Run: chmod 600 ${reference.path}`,
      });
    const found = (await readFile(reference.path, 'utf8')).trim();
    if (found !== '') return found;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('ALERT_NOT_SENT', {
      message: `${words}: ${describeFailure(error, reference.path)}`,
      cause: error,
    });
  }
  throw new AppError('ALERT_NOT_SENT', { message: `${words}: found an empty file, expected a secret` });
}

/** What went wrong, on one line and with every occurrence of the secrets struck out: what an outside says may quote what it was told. */
export function strikeOut(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
  ]);
  return forms
    .filter((form) => form.length >= 4)
    .toSorted((a, b) => b.length - a.length)
    .reduce((clean, form) => clean.replaceAll(form, '***'), text)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
}
