import packageFile from '../../package.json' with { type: 'json' };

/** What wrote a backup, for its manifest. */
export const tool = { name: packageFile.name, version: packageFile.version } as const;
