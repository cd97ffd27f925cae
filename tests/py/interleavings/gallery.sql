-- The gallery that every specification begins with: small enough to be known by heart.
--
-- 60 items, number n of the day n after the first of January 2020; all carry the tag 'all', every
-- tenth 'tens', the first five 'old'. Every fourth is Anna's. Beside each of the tens stands a
-- namesake of the other source, of the same moment, which carries 'all' and 'drawn'. The bitmap
-- index has two blocks: items 25 to 60, and those before.

CREATE FUNCTION day(n numeric) RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT timestamptz '2020-01-01 00:00+00' + n * interval '1 day' $$;

CREATE FUNCTION anna() RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT id FROM users WHERE username = 'anna' $$;

CREATE FUNCTION tag(sought text) RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT id FROM tags WHERE name = sought $$;

-- The ids of the items that carry all of these tags, newest first, as the bitmap index knows them.
CREATE FUNCTION shown(VARIADIC names text[]) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT coalesce(string_agg(id::text, ' ' ORDER BY created_at DESC, id DESC), 'nothing')
    FROM gallery_page(tags_all => gallery_tag_ids(names), page_size => 100, strategy => 'bitmap')
$$;

-- How many items carry all of these tags.
CREATE FUNCTION counted(VARIADIC names text[]) RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT gallery_count(tags_all => gallery_tag_ids(names)) $$;

-- The tags with how often each is carried, as the last refresh left them.
CREATE FUNCTION listed() RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT coalesce(string_agg(format('%s:%s', name, item_count), ' ' ORDER BY name), 'nothing')
    FROM gallery_tags()
$$;

-- How many changes wait for the next refresh.
CREATE FUNCTION logged() RETURNS bigint LANGUAGE sql STABLE
AS $$
    SELECT (SELECT count(*) FROM gallery.dirty_item) + (SELECT count(*) FROM gallery.dirty_tag)
$$;

-- The blocks of the bitmap index.
CREATE FUNCTION blocks() RETURNS integer[] LANGUAGE sql STABLE
AS $$ SELECT array_agg(block_no ORDER BY block_no) FROM gallery.bitmap_block $$;

-- A gate: whoever writes to a table, once the index has so many blocks, stops there until the
-- session that closed the gate opens it.
CREATE FUNCTION stop_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM gallery.bitmap_block) >= tg_argv[0]::int THEN
        PERFORM pg_advisory_xact_lock_shared(4711);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION close_gate(behind regclass, blocks int DEFAULT 0) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER gate AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION public.stop_at_gate(%s)', behind, blocks);
    PERFORM pg_advisory_lock(4711);
END $$;

CREATE FUNCTION open_gate() RETURNS void LANGUAGE sql
AS $$ SELECT pg_advisory_unlock(4711) $$;

INSERT INTO users (id, username) VALUES ('00000000-0000-0000-0000-00000000000a', 'anna');

INSERT INTO tags (id, name)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, name
FROM unnest(ARRAY['all', 'tens', 'old', 'drawn']) WITH ORDINALITY t (name, n);

INSERT INTO content_items_all (id, source_type, content_type, created_at, quality_score, creator_id)
SELECT n, 'items', 'image', day(n), n % 7, CASE WHEN n % 4 = 0 THEN anna() END
FROM generate_series(1, 60) n;
INSERT INTO content_items_all (id, source_type, content_type, created_at, quality_score)
SELECT n, 'auto', 'image', day(n), n % 7 FROM generate_series(10, 60, 10) n;

INSERT INTO content_tags (content_id, content_source, tag_id)
SELECT i.id, i.source_type, tag(t.name)
FROM content_items_all i
CROSS JOIN LATERAL (VALUES ('all', true),
                           ('tens', i.source_type = 'items' AND i.id % 10 = 0),
                           ('old', i.source_type = 'items' AND i.id <= 5),
                           ('drawn', i.source_type = 'auto')) t (name, carried)
WHERE t.carried;
