import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** What doesn't fit in a configuration, a line each: the field, and what is wrong with it. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => inside(issue)).map((issue) => `${fieldOf(issue)}: ${textOf(issue)}`);
}

/** Of a choice of forms, what is wrong with the one that was meant; the choice itself where none is recognisable. */
function inside(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.filter((form) => form.length > 0 && !form.some(isAnotherForm));
  const [form] = meant;
  if (!form || meant.length > 1) return [issue];
  return form.flatMap((inner) => inside({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** A key that the form doesn't have, or something that isn't even of its kind. */
function isAnotherForm(issue: Issue): boolean {
  return issue.code === 'unrecognized_keys' || issue.path.length === 0;
}

function fieldOf({ path }: Issue): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}

function textOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return `has no field ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  return issue.message;
}
