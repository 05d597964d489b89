import { defineConfig } from 'vitest/config';

// Tests find what they start themselves, never a database or an account that this machine knows of.
for (const name of Object.keys(process.env)) {
  if (/^(AWS_|PG|REPLICATOR_)/.test(name)) delete process.env[name];
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: 'test/servers/global-setup.ts',
    env: {
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
      AWS_EC2_METADATA_DISABLED: 'true',
      PGPASSFILE: '/nonexistent/pgpass',
    },
  },
});
