export { createBeacons } from './beacon-file.ts';
