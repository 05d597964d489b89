-- Adds histories $1 to $2 to the change log: each is what the fixture's own changes would look like for other devices, with
-- fresh ids, times, serials, tickets and comments, so that neither TOAST nor a compressor can find one history in another.
-- The fixture's own rows are those whose text doesn't end with a history's number.
INSERT INTO public.extras_objectchange
  (id, "time", user_name, request_id, action, changed_object_id, related_object_id, object_repr, object_data,
   changed_object_type_id, related_object_type_id, user_id, object_data_v2, change_context, change_context_detail)
SELECT
  pg_catalog.gen_random_uuid(),
  first."time" - history * interval '7 hours 11 minutes' - random() * interval '50 minutes',
  first.user_name,
  md5(history || ' ' || first.request_id)::uuid,
  first.action,
  md5(history % 40 || ' ' || first.changed_object_id)::uuid,
  first.related_object_id,
  left(first.object_repr, 170) || ' ~' || history,
  first.object_data || jsonb_build_object(
    'serial', upper(left(md5(random()::text), 14)),
    'last_updated', (first."time" - history * interval '7 hours 11 minutes')::text,
    'comments', concat(first.object_data ->> 'comments', ' ', md5(random()::text), md5(random()::text)),
    'custom_fields', jsonb_build_object('ticket', 'CHG' || (random() * 1e8)::int, 'digest', md5(random()::text))),
  first.changed_object_type_id,
  first.related_object_type_id,
  first.user_id,
  first.object_data_v2 || jsonb_build_object(
    'id', md5(history % 40 || ' ' || first.changed_object_id),
    'url', concat('/api/objects/', md5(history % 40 || ' ' || first.changed_object_id), '/'),
    'last_updated', (first."time" - history * interval '7 hours 11 minutes')::text,
    'comments', concat(first.object_data_v2 ->> 'comments', ' ', md5(random()::text)),
    'custom_fields', jsonb_build_object('ticket', 'CHG' || (random() * 1e8)::int, '変更', random())),
  first.change_context,
  first.change_context_detail
FROM generate_series($1::int, $2::int) AS history
CROSS JOIN public.extras_objectchange AS first
WHERE first.object_repr !~ ' ~[0-9]+$'
