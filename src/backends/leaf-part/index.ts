export { createLeafParts } from './parquet-leaf-parts.ts';
