import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadDatabaseUrl } from '../../functions/postgres/errors.ts';
import { isLoopback, parseDatabaseUrl } from '../../functions/postgres/parse-url.ts';

describe('a database URL', () => {
  it('gives back any user, password and database name that was percent-encoded into it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((part) => !part.includes('/'));
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        fc.pre(!['.', '..'].includes(database));
        const login = parseDatabaseUrl(`postgres://${u}:${p}@db.example:5433/${d}`);
        expect(login.address).toEqual({ host: 'db.example', port: 5433, database, user });
        expect(login.password).toBe(password);
      }),
    );
  });

  it('never repeats a password in what it says of a malformed one', () => {
    for (const url of [
      'postgres://u:hunter2@host:99999/x',
      'postgres://u:hunter2@ho st/x',
      'mysql://u:hunter2@h/x',
      'postgres://u:%zz@h/x',
    ]) {
      expect(() => parseDatabaseUrl(url, '--source')).toThrow(BadDatabaseUrl);
      expect(() => parseDatabaseUrl(url, '--source')).toThrow(/--source/);
      expect(() => parseDatabaseUrl(url, '--source')).not.toThrow(/hunter2/);
    }
  });

  it('verifies TLS unless the host is this machine or the URL says otherwise', () => {
    const mode = (url: string) => parseDatabaseUrl(url, '', {}).sslMode;
    expect(mode('postgres://u@db.example/x')).toBe('verify-full');
    expect(mode('postgres://u@localhost/x')).toBe('prefer');
    expect(mode('postgres://u@[::1]/x')).toBe('prefer');
    expect(mode('postgres://u@db.example/x?sslmode=require')).toBe('require');
    expect(() => mode('postgres://u@db.example/x?sslmode=maybe')).toThrow(/sslmode=maybe/);
  });

  it('falls back to what the environment says, as the standard clients do', () => {
    const login = parseDatabaseUrl('postgres:///', '', { PGHOST: 'h', PGPORT: '6000', PGUSER: 'me' });
    expect(login.address).toEqual({ host: 'h', port: 6000, user: 'me', database: 'me' });
  });

  it('takes a socket directory for this machine', () => {
    const login = parseDatabaseUrl('postgres://u@/x?host=/var/run/postgresql', '', {});
    expect(login.address.host).toBe('/var/run/postgresql');
    expect(isLoopback(login.address.host)).toBe(true);
  });
});
