import { isMailAddress, type AlertChannel } from '../domain/alert-rule.ts';
import { RESOURCE_NAME } from '../domain/limit-rate.ts';
import { argv } from './argv-type.ts';
import { shorten, type Located, type LocatedMap } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { readOneOrMore } from './plain-types.ts';
import { parseReference, secretReference } from './secret-type.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

const MOST_CHANNELS = 50;
const MOST_ADDRESSES = 50;
const KINDS = ['mail', 'webhook', 'slack', 'command'] as const;
const EXPECTED = 'a channel: one of {mail: …}, {webhook: …}, {slack: …} and {command: […]}';

export type Channels = Readonly<Record<string, AlertChannel>>;

/** Where messages can go, by name. */
export function alertChannels(userHome: string | undefined): ValueType<Channels> {
  const expected = 'named channels such as {team: {slack: env:SLACK_URL}}';
  return {
    expected,
    schema: { type: 'object' },
    read(value, context) {
      if (value.kind !== 'map') return unexpected(value, expected, { context });
      if (value.entries.size > MOST_CHANNELS)
        return context.problem(`found ${value.entries.size} channels, expected at most ${MOST_CHANNELS}`, {
          at: value,
        });
      const read = [...value.entries].map(([name, entry]) => {
        const within: ReadContext = {
          path: `${context.path}.${shorten(name)}`,
          problem: (message, where) => context.problem(`${shorten(name)}: ${message}`, where),
        };
        if (!RESOURCE_NAME.test(name))
          return within.problem('found a name that is none, expected lower-case letters, digits, - and _', {
            at: entry.keyPlace,
          });
        const channel = readChannel(entry.value, within, userHome);
        return channel === undefined ? undefined : ([name, channel] as const);
      });
      return read.includes(undefined) ? undefined : Object.fromEntries(read as (readonly [string, AlertChannel])[]);
    },
  };
}

function readChannel(value: Located, context: ReadContext, userHome: string | undefined): AlertChannel | undefined {
  if (value.kind !== 'map') return unexpected(value, EXPECTED, { context });
  const kinds = KINDS.filter((each) => value.entries.has(each));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    return context.problem(`found ${kinds.length === 0 ? 'none' : kinds.join(' and ')}, expected ${EXPECTED}`, {
      at: value,
    });
  const allowed: readonly string[] = kind === 'webhook' ? ['webhook', 'secret'] : [kind];
  for (const [key, entry] of value.entries)
    if (!allowed.includes(key))
      return context.problem(`found \`${shorten(key)}\` in a channel of the kind ${kind}`, {
        at: entry.keyPlace,
        hint: suggestOneOf(key, allowed),
      });
  return READERS[kind](value, { context, userHome });
}

interface ChannelReading {
  readonly context: ReadContext;
  readonly userHome: string | undefined;
}

const valueAt = (channel: LocatedMap, key: string): Located => (channel.entries.get(key) as { value: Located }).value;

const READERS: Readonly<
  Record<(typeof KINDS)[number], (channel: LocatedMap, reading: ChannelReading) => AlertChannel | undefined>
> = {
  mail: (channel, { context }) => {
    const to = readAddresses(valueAt(channel, 'mail'), context);
    return to === undefined ? undefined : { kind: 'mail', to };
  },
  webhook: readWebhook,
  slack: (channel, { context, userHome }) => {
    const url = secretReference(userHome).read(valueAt(channel, 'slack'), context);
    return url === undefined ? undefined : { kind: 'slack', url };
  },
  command: (channel, { context }) => {
    const value = valueAt(channel, 'command');
    const words = argv({ template: false }).read(value, context);
    return words === undefined ? undefined : { kind: 'command', argv: words, cwd: value.dir };
  },
};

/** An address without anything secret in it may stand in the file. */
function readWebhook(channel: LocatedMap, { context, userHome }: ChannelReading): AlertChannel | undefined {
  const value = valueAt(channel, 'webhook');
  const reference = parseReference(value, userHome);
  const typed = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : '';
  const isUrl = /^https?:\/\//i.test(typed) && URL.canParse(typed) && new URL(typed).password === '';
  if (reference === null && !isUrl)
    return context.problem(
      'found something else, expected an http or https URL without a password, env:NAME or file:PATH',
      {
        at: value,
        hint: 'An address that is a secret belongs into a variable or a file of mode 600',
      },
    );
  const signed = channel.entries.get('secret');
  const secret = signed === undefined ? undefined : secretReference(userHome).read(signed.value, context);
  if (signed !== undefined && secret === undefined) return undefined;
  return { kind: 'webhook', url: reference ?? typed, ...(secret === undefined ? {} : { secret }) };
}

function readAddresses(value: Located, context: ReadContext): readonly string[] | undefined {
  const expected = 'an e-mail address, or a list of them';
  const read = (item: Located): string | undefined =>
    item.kind === 'scalar' && typeof item.value === 'string' && isMailAddress(item.value)
      ? item.value
      : unexpected(item, expected, { context });
  return readOneOrMore(value, read, { context, expected, what: 'addresses', most: MOST_ADDRESSES });
}
