-- The arguments of gallery_tags, checked: which tags, in which order, from which position on.

drop type if exists gallery.tag_filter cascade;
create type gallery.tag_filter as (
    scope       text,                   -- see gallery.tag_scope()
    name_prefix text,                   -- null where there is none
    min_count   bigint,
    max_count   bigint,
    by_count    boolean                 -- sort by count, else by name
);
comment on type gallery.tag_filter is
    'What gallery_tags lists and in which order, checked and in canonical form.';

drop type if exists gallery.tag_position cascade;
create type gallery.tag_position as (
    item_count  bigint,
    name_start  text collate "C",
    tag_id      uuid
);
comment on type gallery.tag_position is
    'A tag''s place in the listing.';

drop type if exists gallery.tag_scan cascade;
create type gallery.tag_scan as (
    after       gallery.tag_position,   -- exclusive; null: from the start
    forward     boolean                 -- the direction of travel
);
comment on type gallery.tag_scan is
    'Where a page of tags starts and which way it is read.';

create or replace function gallery.tag_scope(source_types text[])
returns text
language plpgsql stable
set search_path from current
as $function$
declare
    v_sources text[] := array(select s from unnest(source_types) s group by s order by s collate "C");
begin
    return case when source_types is null or v_sources = gallery.source_types() then ''
                when v_sources <> '{}' then array_to_string(v_sources, ',') end;
end
$function$;
comment on function gallery.tag_scope(text[]) is
    'What tags are counted in: a source, several with commas between them, '''' for all; null: no source, nothing matches.';

create or replace function gallery.make_tag_filter(
    name_prefix text, source_types text[], min_count bigint, max_count bigint, sort text)
returns gallery.tag_filter
language plpgsql stable
set search_path from current
as $function$
declare
    f     gallery.tag_filter;
    v_odd text;
begin
    if cardinality(source_types) > gallery.most_elements() then
        perform gallery.refuse_excess('source_types', cardinality(source_types), gallery.most_elements(), 'elements');
    end if;
    perform gallery.refuse_null_elements('source_types', source_types);
    select s into v_odd from unnest(source_types) s where s <> all (gallery.source_types()) limit 1;
    if found then
        perform gallery.raise_error('TG004', format('unknown source type %L', left(v_odd, 60)),
            format('Known are %s.', array_to_string(gallery.source_types(), ', ')));
    end if;
    if least(min_count, max_count) < 0 or min_count > max_count then
        perform gallery.raise_error('TG004',
            format('min_count %s and max_count %s are no range of counts', coalesce(min_count::text, 'NULL'), coalesce(max_count::text, 'NULL')),
            'Give counts of 0 or more, the least no larger than the greatest, or leave them out.');
    end if;
    if sort not in ('count', 'name') then
        perform gallery.raise_error('TG004', format('unknown sort %L', left(sort, 60)), 'Known are count and name.');
    end if;
    f.scope       := gallery.tag_scope(source_types);
    f.name_prefix := nullif(name_prefix, '');
    f.min_count   := min_count;
    f.max_count   := max_count;
    f.by_count    := coalesce(sort = 'count', true);
    return f;
end
$function$;
comment on function gallery.make_tag_filter(text, text[], bigint, bigint, text) is
    'The arguments of gallery_tags that its cursors are bound to. Errors: TG004.';

create or replace function gallery.tags_fingerprint(f gallery.tag_filter)
returns text
language plpgsql immutable
set search_path from current
as $function$
begin
    return left(md5('tags' || f::text), 16);
end
$function$;
comment on function gallery.tags_fingerprint(gallery.tag_filter) is
    'What a cursor of gallery_tags is bound to.';

create or replace function gallery.tags_cursor(place gallery.tag_position, forward boolean, fingerprint text)
returns text
language plpgsql immutable
set search_path from current
as $function$
begin
    return gallery.cursor_encode(jsonb_build_object(
        'd', case when forward then 'n' else 'p' end,
        'c', place.item_count,
        'n', place.name_start,
        'i', place.tag_id,
        'f', fingerprint));
end
$function$;
comment on function gallery.tags_cursor(gallery.tag_position, boolean, text) is
    'The cursor of the tags after (forward) or before a position.';

create or replace function gallery.open_tags_cursor(cursor text, fingerprint text)
returns gallery.tag_scan
language plpgsql immutable
set search_path from current
as $function$
declare
    v_payload jsonb := gallery.cursor_decode(cursor);
    v_after   gallery.tag_position;
begin
    if v_payload ->> 'f' is distinct from fingerprint then
        perform gallery.raise_error('TG002', 'this cursor was made for another filter or sort',
            'Start again without a cursor, or repeat the filter and sort that it came from.');
    end if;
    begin
        v_after := row((v_payload ->> 'c')::bigint, v_payload ->> 'n', (v_payload ->> 'i')::uuid);
    exception when data_exception then
        v_after := null;
    end;
    if not v_after is not null then     -- one of its fields is null
        perform gallery.raise_error('TG001', 'this cursor holds no position',
            'Give a next_cursor or prev_cursor as it was received, or leave it out to start at the first page.');
    end if;
    return row(v_after, v_payload ->> 'd' is distinct from 'p')::gallery.tag_scan;
end
$function$;
comment on function gallery.open_tags_cursor(text, text) is
    'The scan that a cursor of gallery_tags continues. Errors: TG001, TG002.';
