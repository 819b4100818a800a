/** What `init --aws` found and did. */
export interface InitAwsDocument {
  readonly schema: 'slurmctl.init-aws/1';
  readonly dryRun: boolean;
  /** True when jobs find everything they need. */
  readonly ok: boolean;
  readonly resources: readonly {
    readonly kind: 'bucket' | 'table' | 'queue' | 'dead letters';
    /** `s3://bucket`, `dynamodb://table`, `sqs://queue`. */
    readonly name: string;
    /** An endpoint, or AWS and the region. */
    readonly server: string;
    /** `missing`: a dry run would have created it; `wrong`: it is there, but not as jobs need it; `failed`: it could not be looked at or created. */
    readonly verdict: 'exists' | 'created' | 'missing' | 'wrong' | 'failed';
    readonly found: readonly string[];
    readonly remedies: readonly string[];
    readonly arn: string | null;
  }[];
  /** With `--dry-run`: IAM policies by role, and the same resources as templates for the tools of AWS. */
  readonly templates: {
    readonly notes: readonly string[];
    readonly policies: {
      readonly coordinator: object;
      readonly worker: object;
      readonly reader: object;
    };
    readonly cloudFormation: object;
    readonly terraform: object;
  } | null;
}
