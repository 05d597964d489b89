import { setFlagsFromString } from 'node:v8';

/**
 * pg_dump and PostgreSQL's parser run as WebAssembly, for a second or two. V8's optimising compiler takes more than
 * 500 MB for the parser's largest functions while it does (measured), and the work is over before that pays: the
 * baseline compiler has to do. To be imported before a module is compiled.
 */
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag);
