/** Credentials that the settings speak of: those of a profile, of a role, or both. What goes wrong with them is no answer of the service they are for. */

import type { NodeHttpHandler } from '@smithy/node-http-handler';
import type { AwsTarget } from '../../../domain/backend-url.ts';
import { loadCredentialProviders } from './load-sdk.ts';

/** Credentials could not be had; nothing was asked of the service itself. */
export class CredentialsFailure extends Error {
  override readonly name = 'CredentialsFailure';
  readonly profile: string | undefined;
  readonly role: string | undefined;

  constructor({ profile, role }: Pick<AwsTarget, 'profile' | 'role'>, cause: unknown) {
    super('credentials could not be had', { cause });
    this.profile = profile;
    this.role = role;
  }
}

export interface CredentialsOptions {
  readonly region: string | undefined;
  readonly requestHandler: NodeHttpHandler;
}

/** Without it the SDK warns on stderr of what has been decided here: a profile in the settings wins over keys in the environment. */
const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {}

/** Undefined leaves it to the SDK's usual chain. The provider throws CredentialsFailure. */
export async function credentialsOf(target: AwsTarget, { region, requestHandler }: CredentialsOptions) {
  const { profile, role, endpoint } = target;
  if (profile === undefined && role === undefined) return undefined;
  const { fromNodeProviderChain, fromTemporaryCredentials } = loadCredentialProviders();
  // An endpoint of one's own says nothing about how STS is reached; at AWS itself the way is the same.
  const clientConfig = {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? { requestHandler } : {}),
  };
  const base = fromNodeProviderChain({
    clientConfig,
    logger: QUIET,
    ...(profile === undefined ? {} : { profile }),
  });
  const provider =
    role === undefined
      ? base
      : fromTemporaryCredentials({
          masterCredentials: base,
          params: { RoleArn: role, RoleSessionName: 'slurmctl' },
          clientConfig,
          logger: QUIET,
        });
  const named: typeof provider = async (properties) => {
    try {
      return await provider(properties);
    } catch (error) {
      throw new CredentialsFailure(target, error);
    }
  };
  return named;
}
