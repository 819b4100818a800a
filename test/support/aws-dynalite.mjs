// dynalite on the loopback interface.
import dynalite from 'dynalite';
import { announce, serverOptions } from './aws-listen.mjs';

const options = serverOptions();
const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
server.listen(Number(options.port), '127.0.0.1', () => announce(server.address().port, options));
