import { writeFile } from 'node:fs/promises';
import { sizesPage } from './page.ts';

/** `npm run sizes` */
await writeFile(new URL('../../docs/sizes.md', import.meta.url), await sizesPage());
