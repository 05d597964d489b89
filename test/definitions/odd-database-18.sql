-- What came after PostgreSQL 15, and what odd-database.sql can't say in its syntax.
CREATE TABLE public.newer (
  id integer NOT NULL,
  valid daterange NOT NULL,
  twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL,
  doubtful integer,
  CONSTRAINT newer_pk PRIMARY KEY (id, valid WITHOUT OVERLAPS),
  CONSTRAINT "not enforced" CHECK (id > 0) NOT ENFORCED
);
ALTER TABLE public.newer ADD CONSTRAINT not_null_later NOT NULL doubtful NOT VALID;
COMMENT ON CONSTRAINT not_null_later ON public.newer IS 'later';
ALTER TABLE public.newer ADD CONSTRAINT unenforced FOREIGN KEY (id) REFERENCES public.referring (id) NOT ENFORCED;
CREATE TABLE public.period (id integer, valid daterange,
  CONSTRAINT in_period FOREIGN KEY (id, PERIOD valid) REFERENCES public.newer (id, PERIOD valid));
CREATE FUNCTION public.named_not_null(a integer, OUT b integer) LANGUAGE sql RETURN a + 1;
