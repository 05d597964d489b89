-- Rows for odd-database.sql.
INSERT INTO public.plain (name, moods, place, amount, during, data, "select")
SELECT 'name ' || n, ARRAY['sad', E'back\\slash']::public.mood[], ROW(E'tab\tnewline\n\\.', n, '{"Überglücklich"}')::public.address,
       n, tstzrange(timestamptz '2026-01-01 00:00+00' + n * interval '1 day', NULL), jsonb_build_object('a;b', n, 'x', E'\\N'), NULLIF('s' || n, 's3')
  FROM generate_series(1, 300) n;
INSERT INTO public.zero_columns SELECT FROM generate_series(1, 7);
INSERT INTO public.unlogged VALUES (1), (2), (NULL);
INSERT INTO "Odd.schema ""quoted"""."Table
with ""newline"" and 'quote' and \backslash" VALUES (1, 'ä', E'\\.', '😀'), (2, '', NULL, E'\r\n');
INSERT INTO public.typed VALUES ('street', 3, NULL);
INSERT INTO public.parent VALUES (1, 'one'), (2, DEFAULT);
INSERT INTO public.child VALUES (3, DEFAULT, 4);
INSERT INTO public.hashed SELECT n, 'sad' FROM generate_series(1, 50) n;
INSERT INTO public.referring SELECT n, 7 + 3 * n, NULL, n FROM generate_series(1, 40) n;
UPDATE public.referring SET self = 10 WHERE id > 1;
INSERT INTO public.events SELECT n, date '2025-06-01', (ARRAY['sad', 'it''s "ok"'])[n % 2 + 1]::public.mood, repeat('note ', n) FROM generate_series(1, 30) n;
INSERT INTO public.events SELECT n, date '2026-06-01', 'sad', E'\\N' FROM generate_series(1, 30) n;
INSERT INTO public.newer (id, valid, doubtful) VALUES (1, '[2026-01-01,2026-02-01)', 1), (1, '[2026-02-01,2026-03-01)', 2);
INSERT INTO public.period VALUES (1, '[2026-01-05,2026-02-20)');
SELECT setval('public.lonely', 3, false);
REFRESH MATERIALIZED VIEW public.needs_key;
CREATE TABLE public.by_mood (mood public.mood NOT NULL, n integer) PARTITION BY HASH (mood);
CREATE TABLE public.by_mood_0 PARTITION OF public.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE public.by_mood_1 PARTITION OF public.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE public.by_mood_2 PARTITION OF public.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO public.by_mood SELECT m, n FROM unnest(enum_range(NULL::public.mood)) m, generate_series(1, 10) n;
