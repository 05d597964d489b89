/** One spelling of a host: all ways to say "this machine" are one, and a socket's directory is this machine too. */
export function normalHost(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const local =
    bare === '' ||
    bare === 'localhost' ||
    bare === '::1' ||
    bare === '0.0.0.0' ||
    bare === '::' ||
    bare.startsWith('127.') ||
    bare.startsWith('::ffff:127.') ||
    bare.startsWith('/') ||
    bare.startsWith('@');
  return local ? 'localhost' : bare;
}
