import type { ParseTree } from './statements.ts';

/** Roles by name; PUBLIC and CURRENT_USER are none. */
export function namedRoles(roles: readonly ParseTree[] = []): string[] {
  return roles.flatMap(({ RoleSpec }) => roleName(RoleSpec) ?? []);
}

export function roleName(role: ParseTree | undefined): string | undefined {
  return role?.roletype === 'ROLESPEC_CSTRING' ? String(role.rolename) : undefined;
}
