import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const nobody = 65_534;

/**
 * Runs statements in a process of a user whom permissions bind: where the tests run as root, it becomes nobody after
 * its imports, because nobody may have no way to the project's files. What is below `folder` is given to that user.
 * @param imports names of what is needed of a module, by the module's path from the project's root
 * @returns standard output
 */
export function asOrdinaryUser(
  folder: string,
  imports: Readonly<Record<string, string>>,
  statements: string,
): string {
  const path = join(folder, 'script.mts');
  const root = new URL('../../', import.meta.url);
  const lines = Object.entries(imports).map(
    ([module, names]) => `import { ${names} } from ${JSON.stringify(new URL(module, root).href)};`,
  );
  if (process.getuid?.() === 0) {
    lines.push(`process.setgroups([]); process.setgid(${nobody}); process.setuid(${nobody});`);
    spawnSync('chown', ['-R', `${nobody}:${nobody}`, folder]);
    chmodSync(folder, 0o755);
  }
  writeFileSync(path, [...lines, statements].join('\n'));
  const result = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', path], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`the script failed: ${result.stderr}`);
  return result.stdout;
}
