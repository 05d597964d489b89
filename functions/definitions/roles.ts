import { quoteIdentifier } from '../postgres/quote.ts';
import { type ParseTree, readStatements } from './statements.ts';

/** Roles by name; PUBLIC and CURRENT_USER are none. */
export function namedRoles(roles: readonly ParseTree[] = []): string[] {
  return roles.flatMap(({ RoleSpec }) => roleName(RoleSpec) ?? []);
}

export function roleName(role: ParseTree | undefined): string | undefined {
  return role?.roletype === 'ROLESPEC_CSTRING' ? String(role.rolename) : undefined;
}

/**
 * `CREATE POLICY … TO a, b` for a server that has only some of these roles. A policy for a role that nobody has applies
 * to nobody, so leaving it out changes nothing; row security itself stays on.
 * @returns the statement, or undefined when none of its roles is there
 */
export async function policyForRoles(
  text: string,
  exists: (role: string) => boolean,
): Promise<string | undefined> {
  const [rewritten] = await readStatements(text, (_, tree) => {
    const nodes: ParseTree[] = tree.roles ?? [];
    const named = namedRoles(nodes);
    if (named.every(exists)) return text;
    // PUBLIC swallows all others, so a list has either names or key words such as CURRENT_USER among its names
    const kept = nodes.flatMap(({ RoleSpec }) => {
      const name = roleName(RoleSpec);
      if (name === undefined) return [roleText(text, RoleSpec.location)];
      return exists(name) ? [quoteIdentifier(name)] : [];
    });
    if (kept.length === 0) return undefined;
    const first = characterAt(text, nodes[0]?.RoleSpec.location);
    const last = characterAt(text, nodes.at(-1)?.RoleSpec.location);
    const lastName = roleText(text, nodes.at(-1)?.RoleSpec.location);
    return `${text.slice(0, first)}${kept.join(', ')}${text.slice(last + lastName.length)}`;
  });
  return rewritten;
}

function roleText(text: string, byte: number): string {
  const name = /"(?:[^"]|"")*"|[^\s,()"]+/y;
  name.lastIndex = characterAt(text, byte);
  return name.exec(text)?.[0] ?? '';
}

/** The parser counts bytes of UTF-8. */
function characterAt(text: string, byte: number): number {
  return Buffer.from(text).subarray(0, byte).toString().length;
}
