/** The proxy that a site wants web traffic to take, as its environment says. Node's own clients ignore these variables. */

/** Whether the environment names a proxy for some addresses; which ones, NO_PROXY says too. */
export const namesProxy = (): boolean =>
  Object.entries(process.env).some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && value !== '');

/** The URL of the proxy for this address, which may hold a password; empty: none. */
export async function proxyFor(url: string): Promise<string> {
  if (!namesProxy()) return '';
  const { getProxyForUrl } = await import('proxy-from-env');
  return getProxyForUrl(url);
}
