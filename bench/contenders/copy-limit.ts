import type { Contender } from './contender.ts';

/** Every row read once by two connections, half of the bytes each, and thrown away. */
export const copyLimit: Contender = {
  name: 'copy-limit',
  title: 'two COPY … TO STDOUT > /dev/null (the limit)',
  kind: 'limit',
  needs: ['psql'],
  script: () =>
    [
      'psql -Xq -v ON_ERROR_STOP=1 -f "$READING/first.sql" "$SOURCE" > /dev/null & first=$!',
      'psql -Xq -v ON_ERROR_STOP=1 -f "$READING/second.sql" "$SOURCE" > /dev/null',
      'wait $first',
    ].join('\n'),
};
