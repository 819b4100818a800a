/** Sockets of a client: bounded, kept open, and through the site's proxy where the environment names one. */

import type { Agent, AgentOptions } from 'node:http';
import type { AwsService, AwsTarget } from '../../../domain/backend-url.ts';
import { proxyFor } from '../site-proxy.ts';

/** Most sockets, and so most calls in flight, of one client. */
export const MAX_SOCKETS = 64;

export interface HttpAgents {
  readonly httpAgent: Agent | AgentOptions;
  readonly httpsAgent: Agent | AgentOptions;
}

/** Agents for a client of this service; a proxy's URL, which may hold a password, stays inside them. */
export async function httpAgents(service: AwsService, target: AwsTarget): Promise<HttpAgents> {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const proxy = await proxyFor(target.endpoint ?? `https://${service}.${target.region ?? 'us-east-1'}.amazonaws.com`);
  if (proxy === '') return { httpAgent: options, httpsAgent: options };
  const [{ HttpProxyAgent }, { HttpsProxyAgent }] = await Promise.all([
    import('http-proxy-agent'),
    import('https-proxy-agent'),
  ]);
  return { httpAgent: new HttpProxyAgent(proxy, options), httpsAgent: new HttpsProxyAgent(proxy, options) };
}
