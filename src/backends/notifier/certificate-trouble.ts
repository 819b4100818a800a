import { messageOf } from '../../errors/app-error.ts';

interface Trouble {
  /** One sentence without a full stop. */
  readonly what: string;
  readonly hint: string;
}

const TRY_IT = 'then: slurmctl alert test CHANNEL';
const UNTRUSTED: Trouble = {
  what: 'nobody whom this host trusts has signed its certificate',
  hint: `Name the file with the certificate of its authority (PEM) in the environment variable NODE_EXTRA_CA_CERTS, wherever slurmctl runs, ${TRY_IT}`,
};

/** By what Node calls it, as code or in words: nodemailer passes on the words alone. */
const KNOWN: readonly (readonly [RegExp, Trouble])[] = [
  [/SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|self-signed certificate/, UNTRUSTED],
  [/unable to (?:verify the first certificate|get (?:local )?issuer certificate)/, UNTRUSTED],
  [
    /CERT_HAS_EXPIRED|certificate has expired/,
    {
      what: 'its certificate has expired',
      hint: `Have its certificate renewed, or correct the clock of this host, ${TRY_IT}`,
    },
  ],
  [
    /CERT_NOT_YET_VALID|certificate is not yet valid/,
    { what: 'its certificate is not valid yet', hint: `Correct the clock of this host, ${TRY_IT}` },
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/,
    {
      what: 'its certificate is for another name',
      hint: `Write the name of the server as its certificate has it, ${TRY_IT}`,
    },
  ],
  [
    /ERR_SSL_WRONG_VERSION_NUMBER|wrong version number/,
    {
      what: 'it does not speak TLS on this port',
      hint: `Correct the port, or how the settings say it is encrypted, ${TRY_IT}`,
    },
  ],
];

/** What is wrong with the TLS of a server that did not become trusted, and what to do; null: the trouble is another one. */
export function certificateTrouble(error: unknown): Trouble | null {
  const text = `${String((error as NodeJS.ErrnoException | null)?.code ?? '')} ${messageOf(error)}`;
  return KNOWN.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
