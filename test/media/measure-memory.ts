import { spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../functions/store/open-store.ts';
import { extractMedia, sealMedia } from './sealed-media.ts';

// A process of its own: backs up and restores a sparse file of argv[4] bytes and prints by how much it grew.
const [, , uri = '', folder = '', size = ''] = process.argv;
const [source, target] = [join(folder, 'source'), join(folder, 'target')];
for (const made of [source, target]) mkdirSync(made, { recursive: true });
const bytes = Number(size);
writeFileSync(join(source, 'image.bin'), 'begin');
truncateSync(join(source, 'image.bin'), bytes - 3);
writeFileSync(join(source, 'image.bin'), 'end', { flag: 'a' });

const before = process.memoryUsage().rss;
let peak = before;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 10);
const store = openStore(uri);
const manifest = await sealMedia(store, source, { shardBytes: 64 * 1024 * 1024 });
const build = await extractMedia(store, manifest, target);
clearInterval(watch);

const [written, read] = [join(source, 'image.bin'), join(build.tree.toString(), 'image.bin')];
const same = spawnSync('cmp', [written, read]).status === 0;
const parts =
  typeof manifest.media === 'string' ? 0 : manifest.media.chunks.filter(({ part }) => part).length;
console.log(JSON.stringify({ parts, same, grownBy: peak - before }));
process.exit(0);
