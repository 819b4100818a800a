/** X.509 certificates (RFC 5280) of a made-up authority, as PEM, without a tool that a host may lack. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface Certified {
  readonly key: string;
  readonly cert: string;
}

export interface Authority {
  /** What a client has to trust. */
  readonly cert: string;
  /** For `localhost` and 127.0.0.1, or for a name. `expired`: it was valid until yesterday. */
  certify(options?: { readonly name?: string; readonly expired?: boolean }): Certified;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const ALTERNATIVE_NAMES = '2.5.29.17';

export function createAuthority(commonName = 'Authority of a test'): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { commonName, key: privateKey };
  const basic = seq(oid(BASIC_CONSTRAINTS), TRUE, octets(seq(TRUE)));
  return {
    cert: certificate({ issuer, commonName, publicKey, extensions: [basic], fromDays: -2, toDays: 2 }),
    certify({ name = 'localhost', expired = false } = {}) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names = [tagged(0x82, Buffer.from(name)), ...(name === 'localhost' ? [LOOPBACK] : [])];
      const extensions = [seq(oid(ALTERNATIVE_NAMES), octets(seq(...names)))];
      const days = expired ? { fromDays: -3, toDays: -1 } : { fromDays: -1, toDays: 1 };
      const cert = certificate({ issuer, commonName: name, publicKey: own.publicKey, extensions, ...days });
      return { key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
    },
  };
}

interface Wanted {
  readonly issuer: { readonly commonName: string; readonly key: KeyObject };
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly fromDays: number;
  readonly toDays: number;
}

let serial = 0;

function certificate({ issuer, commonName, publicKey, extensions, fromDays, toDays }: Wanted): string {
  serial += 1;
  const algorithm = seq(oid(ECDSA_WITH_SHA256));
  const body = seq(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([serial])),
    algorithm,
    named(issuer.commonName),
    seq(time(fromDays), time(toDays)),
    named(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, seq(...extensions)),
  );
  const der = seq(body, algorithm, tagged(0x03, Buffer.from([0]), sign('sha256', body, issuer.key)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const seq = (...contents: readonly Buffer[]): Buffer => tagged(0x30, ...contents);
const octets = (content: Buffer): Buffer => tagged(0x04, content);
const TRUE = tagged(0x01, Buffer.from([0xff]));
const LOOPBACK = tagged(0x87, Buffer.from([127, 0, 0, 1]));

const named = (text: string): Buffer => seq(tagged(0x31, seq(oid(COMMON_NAME), tagged(0x0c, Buffer.from(text)))));

/** `20261121170000Z`, so many days from now. */
const time = (days: number): Buffer =>
  tagged(0x18, Buffer.from(new Date(Date.now() + days * DAY_MS).toISOString().replaceAll(/[-:T]|\.\d+/g, '')));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const value of rest) {
    const digits = [value & 0x7f];
    for (let left = value >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 0x7f));
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}
