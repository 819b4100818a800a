/** Sockets of a client: bounded, kept open, and through the site's proxy where the environment names one. Node's own agents ignore those variables. */

import type { Agent, AgentOptions } from 'node:http';
import type { AwsService, AwsTarget } from '../../../domain/backend-url.ts';

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

/** Whether the environment names a proxy for some addresses; which ones, NO_PROXY says too. */
export const namesProxy = (): boolean =>
  Object.entries(process.env).some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && value !== '');

async function proxyFor(url: string): Promise<string> {
  if (!namesProxy()) return '';
  const { getProxyForUrl } = await import('proxy-from-env');
  return getProxyForUrl(url);
}
