import { defineErrors } from '../catalogue-entry.ts';

/** Services that speak S3, DynamoDB or SQS, whichever part of the state they hold. */
export const awsErrors = defineErrors({
  AWS_NO_CREDENTIALS: {
    exitCode: 5,
    retryable: false,
    summary: 'No credentials for the service were found.',
    hint: 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile under aws: in slurmctl.yaml',
  },
  AWS_CREDENTIALS_EXPIRED: {
    exitCode: 5,
    retryable: false,
    summary: 'The credentials for the service have expired.',
    hint: 'Sign in again (for example: aws sso login), then: slurmctl advance JOB',
  },
  AWS_CREDENTIALS_REFUSED: {
    exitCode: 5,
    retryable: false,
    summary: 'The service does not know the credentials, or the signature made with them is wrong.',
    hint: 'Check which credentials are used (slurmctl doctor shows it) and that they belong to this endpoint',
  },
  AWS_CLOCK_SKEW: {
    exitCode: 5,
    retryable: false,
    summary: "This host's clock is too far from the service's, so that signatures and leases are refused.",
    hint: 'Correct the clock of this host (NTP), then: slurmctl advance JOB',
  },
  AWS_WRONG_REGION: {
    exitCode: 5,
    retryable: false,
    summary: 'The bucket, table or queue is in another region.',
    hint: 'Set aws.region in slurmctl.yaml, AWS_REGION, or region= in the address',
  },
  AWS_NO_REGION: {
    exitCode: 2,
    retryable: false,
    summary: 'No region is known for the service.',
    hint: 'Set aws.region in slurmctl.yaml, AWS_REGION, or region= in the address',
  },
  AWS_NAME_TAKEN: {
    exitCode: 2,
    retryable: false,
    summary: 'The name of the bucket belongs to somebody else: names of buckets are unique in the world.',
    hint: 'Choose another bucket name under store: in slurmctl.yaml',
  },
  AWS_NOT_A_SERVICE: {
    exitCode: 5,
    retryable: false,
    summary: 'Something else than the service answers at its address: a web page, a portal or another server.',
    hint: 'Check the endpoint in slurmctl.yaml and AWS_ENDPOINT_URL, and whether a proxy or a login page is in between',
  },
});
