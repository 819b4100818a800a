export { createLeafParts, type LeafPartOptions } from './parquet-leaf-parts.ts';
