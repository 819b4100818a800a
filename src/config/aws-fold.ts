/** Puts what settings files and AWS variables say about the services into the addresses, so that an address opens its backend anywhere. */
import { formatBackendUrl, knownBackend, type AwsService, type AwsTarget } from '../domain/backend-url.ts';
import type { Problem } from '../errors/app-error.ts';
import { AWS_NAMES, AWS_VARIABLES, awsKeys, type AwsName } from './aws-keys.ts';
import { scalarOf } from './located.ts';
import type { PlaceName } from './location-type.ts';
import type { Picked, SettingsLayer } from './settings-layer.ts';
import { contextOf, type ValueType } from './value-type.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One way of reaching a service: which setting it is about, its value, and where that came from. */
export interface AwsFact {
  readonly place: PlaceName;
  readonly name: keyof AwsTarget;
  /** Null: left to the SDK. */
  readonly value: string | null;
  readonly from: string;
}

/** What the AWS variables say. Empty ones count as unset. */
export function awsVariables(env: Environment, { cwd, problems }: { cwd: string; problems: Problem[] }): SettingsLayer {
  const layer: SettingsLayer = {};
  const table = awsKeys();
  for (const name of AWS_NAMES) {
    if (name.startsWith('aws.endpoint') && env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') continue;
    const variable = AWS_VARIABLES[name]?.find((each) => (env[each] ?? '') !== '');
    if (variable === undefined) continue;
    const place = { file: variable };
    const type: ValueType<string> = table[name].type;
    const word = scalarOf(env[variable] as string, { place, dir: cwd });
    const value = type.read(word, contextOf(name, problems));
    if (value !== undefined) layer[name] = { value, from: variable, place };
  }
  return layer;
}

/** The address with everything in it that the layers, strongest first, say about its service. What it says itself stays. */
export function foldAws(
  place: PlaceName,
  address: { readonly value: string; readonly from: string },
  layers: readonly SettingsLayer[],
): { readonly url: string; readonly facts: readonly AwsFact[] } {
  const backend = knownBackend(address.value);
  if (backend.service === 'file') return { url: address.value, facts: [] };
  const facts = PARAMETERS.flatMap((name): AwsFact[] => {
    if (backend.service !== 's3' && S3_ONLY.includes(name)) return [];
    const own = backend.aws[name];
    if (own !== undefined) return [{ place, name, value: String(own), from: address.from }];
    const found = pickFor(name, backend.service, layers);
    return [{ place, name, value: found?.value ?? null, from: found?.from ?? 'default' }];
  });
  const all = backend.service === 's3' ? withPathStyle(facts) : facts;
  return { url: formatBackendUrl({ ...backend, aws: targetOf(all) }), facts: all };
}

const PARAMETERS = ['region', 'endpoint', 'pathStyle', 'checksums', 'profile', 'role'] as const;
const S3_ONLY: readonly (keyof AwsTarget)[] = ['pathStyle', 'checksums'];

function pickFor(name: keyof AwsTarget, service: AwsService, layers: readonly SettingsLayer[]): Picked | undefined {
  const names: AwsName[] = name === 'endpoint' ? [`aws.endpoints.${service}`, 'aws.endpoint'] : [`aws.${name}`];
  for (const layer of layers) for (const each of names) if (layer[each] !== undefined) return layer[each];
  return undefined;
}

/** No name of a bucket can be put before an IP address, nor before localhost on most systems. */
function withPathStyle(facts: readonly AwsFact[]): AwsFact[] {
  const endpoint = facts.find(({ name }) => name === 'endpoint')?.value;
  if (endpoint === undefined || endpoint === null || !isNumberedOrLocal(new URL(endpoint).hostname)) return [...facts];
  return facts.map((fact) =>
    fact.name === 'pathStyle' && fact.value === null ? { ...fact, value: 'true', from: 'the endpoint' } : fact,
  );
}

/** `URL` has written IPv4 in four parts and IPv6 in brackets. */
const isNumberedOrLocal = (host: string): boolean => host === 'localhost' || /^(\d+\.){3}\d+$|^\[/.test(host);

function targetOf(facts: readonly AwsFact[]): AwsTarget {
  const given = facts.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const]));
  const { pathStyle, ...rest } = Object.fromEntries(given) as Record<string, string>;
  return { ...rest, ...(pathStyle === undefined ? {} : { pathStyle: pathStyle === 'true' }) } as AwsTarget;
}

/** The facts as `doctor` lists them: one line where all services agree, else one for each group that does. */
export function listAws(facts: readonly AwsFact[]): { name: string; value: string; from: string }[] {
  const groups = new Map<string, { fact: AwsFact; places: PlaceName[] }>();
  for (const fact of facts) {
    if (fact.value === null && !ALWAYS_LISTED.includes(fact.name)) continue;
    const key = JSON.stringify([fact.name, fact.value, fact.from]);
    const group = groups.get(key) ?? { fact, places: [] };
    groups.set(key, { fact, places: [...group.places, fact.place] });
  }
  return [...groups.values()].map(({ fact, places }) => {
    const everywhere = facts.filter(({ name }) => name === fact.name).length === places.length;
    const which = everywhere ? '' : ` (${places.join(', ')})`;
    return { name: `aws.${fact.name}${which}`, value: fact.value ?? 'none', from: fact.from };
  });
}

const ALWAYS_LISTED: readonly (keyof AwsTarget)[] = ['region', 'endpoint', 'profile', 'role'];
