/** The parts of parquetjs-lite that the leaf writer uses; the package has no types of its own. */
declare module 'parquetjs-lite' {
  export interface FieldDefinition {
    readonly type: string;
    readonly optional?: boolean;
    readonly compression?: string;
    readonly statistics?: boolean;
  }
  export class ParquetSchema {
    constructor(fields: Readonly<Record<string, FieldDefinition>>);
  }
  export class ParquetEnvelopeWriter {
    constructor(
      ...parameters: [
        schema: ParquetSchema,
        write: (bytes: Uint8Array) => Promise<void>,
        close: () => Promise<void>,
        fileOffset: number,
        options: { readonly pageIndex?: boolean },
      ]
    );
    writeHeader(): Promise<void>;
    /** `pages` by column path: one entry a page, in row order. */
    writeRowGroup(group: {
      readonly rowCount: number;
      readonly pages: Readonly<Record<string, readonly EncodedPage[]>>;
    }): Promise<void>;
    writeFooter(metadata: Readonly<Record<string, string>>): Promise<void>;
  }
  export interface EncodedPage {
    readonly page: Uint8Array;
    readonly num_values: number;
    readonly first_row_index: number;
  }
}

declare module 'parquetjs-lite/lib/util.js' {
  export function serializeThrift(value: unknown): Uint8Array;
}

declare module 'parquetjs-lite/gen-nodejs/parquet_types.js' {
  export class PageHeader {
    type: number;
    uncompressed_page_size: number;
    compressed_page_size: number;
    data_page_header_v2: DataPageHeaderV2;
  }
  export class DataPageHeaderV2 {
    num_values: number;
    num_nulls: number;
    num_rows: number;
    encoding: number;
    definition_levels_byte_length: number;
    repetition_levels_byte_length: number;
    is_compressed: boolean;
  }
  export const PageType: Readonly<Record<'DATA_PAGE_V2', number>>;
  export const Encoding: Readonly<Record<'PLAIN', number>>;
}
