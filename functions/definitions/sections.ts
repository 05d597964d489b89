/** pg_dump's names for the two parts of a database's definitions: what comes before rows, and what after them. */
export const sections = ['pre-data', 'post-data'] as const;
export type SectionName = (typeof sections)[number];
