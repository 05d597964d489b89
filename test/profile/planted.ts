import { quoteIdentifier, quoteLiteral } from '../../functions/postgres/quote.ts';
import type { Session } from '../../functions/postgres/session.ts';

/** Columns whose contents must not reach staging, in whatever version of Nautobot they exist. */
export const dangerous: Readonly<Record<string, readonly string[]>> = {
  auth_user: ['password', 'username', 'first_name', 'last_name', 'email', 'config_data'],
  users_token: ['key', 'description'],
  django_session: ['session_key', 'session_data'],
  django_admin_log: ['object_repr', 'change_message'],
  social_auth_usersocialauth: ['uid', 'extra_data'],
  social_auth_association: ['handle', 'secret'],
  social_auth_nonce: ['salt'],
  social_auth_code: ['email', 'code'],
  social_auth_partial: ['token', 'data'],
  extras_webhook: ['secret', 'additional_headers', 'payload_url', 'body_template'],
  extras_externalintegration: ['remote_url', 'headers', 'extra_config'],
  extras_gitrepository: ['remote_url', 'username', '_token'],
  extras_secret: ['parameters'],
  constance_constance: ['value'],
  constance_config: ['value'],
  extras_configcontext: ['data'],
  dcim_device: ['local_config_context_data', 'local_context_data'],
  virtualization_virtualmachine: ['local_config_context_data', 'local_context_data'],
  extras_objectchange: ['object_data', 'object_data_v2', 'user_name', 'object_repr', 'change_context_detail'],
  extras_jobresult: [
    'data',
    'job_kwargs',
    'task_args',
    'task_kwargs',
    'celery_kwargs',
    'result',
    'traceback',
  ],
  extras_joblogentry: ['message'],
  extras_jobconsoleentry: ['text'],
  extras_fileattachment: ['bytes', 'filename'],
  extras_fileproxy: ['name'],
  extras_scheduledjob: ['args', 'kwargs', 'celery_kwargs'],
  extras_contact: ['name', 'phone', 'email', 'address', 'comments'],
  extras_team: ['phone', 'email', 'address', 'comments'],
  extras_note: ['note', 'user_name'],
  django_celery_beat_periodictask: ['args', 'kwargs', 'headers'],
  django_celery_results_taskresult: ['result', 'traceback', 'task_args', 'task_kwargs'],
  silk_request: ['raw_body', 'body', 'encoded_headers', 'query_params'],
  silk_response: ['raw_body', 'body', 'encoded_headers'],
  silk_sqlquery: ['query', 'traceback'],
  dcim_location: ['contact_name', 'contact_phone', 'contact_email'],
  dcim_site: ['contact_name', 'contact_phone', 'contact_email'],
};

/** How every marker begins. */
export const everyMarker = 'Zq7Planted';

export interface PlantedColumn {
  readonly table: string;
  readonly column: string;
  /** Letters and digits that stand nowhere else, in every row of the column. */
  readonly marker: string;
}

interface Column extends Record<string, unknown> {
  name: string;
  type: string;
  length: number | null;
  needed: boolean;
  parent: string | null;
  parent_column: string | null;
}

/** Puts a marker of its own into every row of every dangerous column, and rows where there are none. */
export async function plantSecrets(session: Session): Promise<PlantedColumn[]> {
  const planted: PlantedColumn[] = [];
  await session.execute("SET session_replication_role = 'replica'");
  for (const [table, columns] of Object.entries(dangerous)) {
    const known = await columnsOf(session, table);
    if (known.length === 0) continue;
    const [row] = await session.query(`SELECT 1 FROM public.${table} LIMIT 1`);
    if (!row) await insertRow(session, table, known);
    for (const name of columns) {
      const column = known.find((one) => one.name === name);
      if (!column) continue;
      const marker = `${everyMarker}${(planted.length + 1).toString(36).padStart(3, 'z')}`;
      await session.execute(
        `UPDATE public.${table} t SET ${quoteIdentifier(name)} = ${plantedValue(column, marker)}
           FROM (SELECT ctid AS at, row_number() OVER () AS n FROM public.${table}) r WHERE r.at = t.ctid`,
      );
      planted.push({ table, column: name, marker });
    }
  }
  await session.execute("SET session_replication_role = 'origin'");
  return planted;
}

/** Markers that stand in any row of any table, as text or as bytes. */
export async function findMarkers(
  session: Session,
  planted: readonly PlantedColumn[],
): Promise<PlantedColumn[]> {
  const tables = await session.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
  );
  const found = new Set<string>();
  const hex = Buffer.from(everyMarker).toString('hex');
  for (const { name } of tables) {
    const rows = await session.query<{ marker: string }>(
      `SELECT DISTINCT m[1] AS marker
         FROM ${name} t, regexp_matches(t::text, '(${everyMarker}[0-9a-z]{3}|${hex}[0-9a-f]{6})', 'g') m
        WHERE t::text LIKE '%${everyMarker}%' OR t::text LIKE '%${hex}%'`,
    );
    for (const { marker } of rows) found.add(marker);
  }
  return planted.filter(({ marker }) => found.has(marker) || found.has(Buffer.from(marker).toString('hex')));
}

async function columnsOf(session: Session, table: string): Promise<Column[]> {
  return session.query<Column>(
    `SELECT a.attname::text AS name, t.typname::text AS type,
            CASE WHEN t.typname = 'varchar' THEN a.atttypmod - 4 END AS length,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed,
            k.confrelid::regclass::text AS parent,
            (SELECT attname::text FROM pg_attribute p WHERE p.attrelid = k.confrelid AND p.attnum = k.confkey[1]) AS parent_column
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
      WHERE a.attrelid = to_regclass(${quoteLiteral(`public.${table}`)}) AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum`,
  );
}

/** A marker comes first, so that it is not what a short column cuts off. */
function plantedValue({ type, length }: Column, marker: string): string {
  if (type === 'jsonb')
    return `jsonb_build_object('deep', jsonb_build_array(jsonb_build_object('api_token', '${marker}' || r.n)))`;
  if (type === 'bytea') return `convert_to('${marker}' || r.n, 'UTF8')`;
  return length === null ? `'${marker}' || r.n` : `left('${marker}' || r.n, ${length})`;
}

/** A row, and rows that it has to refer to. */
async function insertRow(session: Session, table: string, columns: readonly Column[]): Promise<void> {
  const needed = columns.filter((column) => column.needed);
  for (const { parent } of needed) {
    if (parent === null || (await session.query(`SELECT 1 FROM public.${parent} LIMIT 1`)).length > 0)
      continue;
    await insertRow(session, parent, await columnsOf(session, parent));
  }
  const values = needed.map(({ type, parent, parent_column }) => {
    if (parent !== null) return `(SELECT ${parent_column} FROM ${parent} LIMIT 1)`;
    if (type === 'uuid') return 'md5(random()::text)::uuid';
    if (type === 'bool') return 'true';
    if (type === 'timestamptz' || type === 'date') return 'now()';
    if (type === 'jsonb') return "'{}'";
    if (type === 'bytea') return "'x'";
    return /^(int|float|numeric)/.test(type) ? '1' : "'x'";
  });
  const names = needed.map(({ name }) => quoteIdentifier(name));
  await session.execute(`INSERT INTO public.${table} (${names.join(', ')}) VALUES (${values.join(', ')})`);
}
