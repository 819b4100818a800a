/** Which credentials a client would use, and where they come from; never what they are. */

import { AppError, remedyOf } from '../../errors/app-error.ts';
import type { AwsBackend } from '../../domain/backend-url.ts';
import { awsError } from '../shared/aws/aws-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Verdict } from './verdict.ts';
import { broken, doubtful, fine } from './verdict.ts';

/** The part of an SDK client's resolved configuration that says who it is. */
export interface Identified {
  readonly config: {
    readonly credentials: () => Promise<{
      readonly accessKeyId: string;
      readonly expiration?: Date;
      readonly $source?: Readonly<Record<string, string>>;
    }>;
    readonly region: () => Promise<string>;
  };
}

export interface IdentityOptions {
  readonly backend: AwsBackend;
  readonly client: Identified;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A chain of providers may end at a metadata service that nobody answers for. */
const PATIENCE_MS = 6_000;
/** Credentials that end sooner will end while a job runs. */
const SOON_MS = 15 * 60_000;
const NAME = 'credentials';

/** Where credentials come from, by the marks that the SDK leaves on them (`AwsSdkCredentialsFeatures`). */
const SOURCES: readonly (readonly [mark: string, words: string])[] = [
  ['CREDENTIALS_STS_ASSUME_ROLE', 'an assumed role'],
  ['CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN', 'a web identity token (AWS_WEB_IDENTITY_TOKEN_FILE)'],
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity token'],
  ['CREDENTIALS_PROFILE_STS_WEB_ID_TOKEN', 'a web identity token of a profile'],
  ['CREDENTIALS_ENV_VARS', 'the environment (AWS_ACCESS_KEY_ID)'],
  ['CREDENTIALS_PROFILE_SSO', 'single sign-on of a profile'],
  ['CREDENTIALS_PROFILE_SSO_LEGACY', 'single sign-on of a profile'],
  ['CREDENTIALS_SSO', 'single sign-on'],
  ['CREDENTIALS_SSO_LEGACY', 'single sign-on'],
  ['CREDENTIALS_PROFILE_LOGIN', 'aws login'],
  ['CREDENTIALS_LOGIN', 'aws login'],
  ['CREDENTIALS_PROFILE_PROCESS', 'the credential_process of a profile'],
  ['CREDENTIALS_PROCESS', 'a credential_process'],
  ['CREDENTIALS_HTTP', 'the credential service of a container'],
  ['CREDENTIALS_IMDS', "this machine's instance role"],
  ['CREDENTIALS_PROFILE', 'the shared credentials file'],
];

export interface Identity {
  readonly verdict: Verdict;
  /** The region that requests are signed for, when it is known. */
  readonly region: string | null;
}

/** Asks the chain of credential providers once. */
export async function findIdentity({ backend, client, clock, env }: IdentityOptions): Promise<Identity> {
  try {
    const region = await client.config.region();
    const found = await withPatience(clock, client.config.credentials());
    const { profile = env['AWS_PROFILE'], role } = backend.aws;
    const words = [
      `key ${masked(found.accessKeyId)} from ${sourceOf(found.$source)}`,
      ...(profile === undefined ? [] : [`profile ${profile}`]),
      ...(role === undefined ? [] : [`role ${role}`]),
      `region ${region}`,
    ].join(', ');
    return { verdict: judgeExpiry(words, found.expiration, clock.nowMs()), region };
  } catch (error) {
    const request = {
      area: 'store',
      operation: 'looking for credentials',
      place: backend.aws.profile === undefined ? 'this host' : `profile ${backend.aws.profile}`,
      server: 'the usual places',
    } as const;
    const failure = awsError(error, request);
    if (!(failure instanceof AppError)) throw failure;
    return { verdict: broken(NAME, failure.message, remedyOf(failure)), region: null };
  }
}

function judgeExpiry(words: string, expiration: Date | undefined, nowMs: number): Verdict {
  if (expiration === undefined) return fine(NAME, words);
  const leftMs = expiration.getTime() - nowMs;
  const until = `${words}, valid until ${expiration.toISOString()}`;
  if (leftMs <= 0) return broken(NAME, `${until}: expired`, 'Sign in again (for example: aws sso login)');
  if (leftMs > SOON_MS) return fine(NAME, until);
  return doubtful(NAME, until, 'Sign in again before a job that runs for longer');
}

async function withPatience<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const message = `Could not load credentials from any providers within ${PATIENCE_MS / 1_000} s`;
    cancel = clock.after(PATIENCE_MS, () =>
      reject(Object.assign(new Error(message), { name: 'CredentialsProviderError' })),
    );
  });
  return Promise.race([work, late]).finally(() => cancel());
}

const sourceOf = (marks: Readonly<Record<string, string>> | undefined): string =>
  SOURCES.find(([mark]) => marks?.[mark] !== undefined)?.[1] ?? "the SDK's chain";

/** Enough of an access key id to tell two apart. */
export const masked = (id: string): string => (id.length < 12 ? '(hidden)' : `${id.slice(0, 4)}…${id.slice(-4)}`);
