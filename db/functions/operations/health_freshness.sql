-- Checks of gallery_health: are statistics and index as new as they should be?

create or replace function gallery.check_statistics()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    s         gallery.settings_in_force := gallery.current_settings();
    v_counts  bigint;
    v_old     bigint;
    v_oldest  timestamptz;
    v_blind   gallery.health_check := gallery.unreadable('statistics',
        array['@schema_text@.tag_cardinality_stats', '@schema_text@.content_tags']);
begin
    if v_blind is not null then
        return v_blind;
    end if;
    select count(*), count(*) filter (where c.updated_at < now() - s.freshness_seconds * interval '1 second'), min(c.updated_at)
    into v_counts, v_old, v_oldest
    from @schema@.tag_cardinality_stats c;
    if v_counts = 0 and exists (select from @schema@.content_tags) then
        return row('statistics', 'fail', 'tag_cardinality_stats was never built: every tag counts as the fallback',
                   format('call %I.gallery_rebuild();', gallery.home_schema()))::gallery.health_check;
    end if;
    return gallery.health_row('statistics', 'warn',
        case when v_old > 0 then array[format('%s of %s counts are older than %s seconds (stats.freshness_seconds), the oldest of %s; they still count',
                                              v_old, v_counts, s.freshness_seconds, date_trunc('second', v_oldest))] end,
        array[format('call %I.gallery_refresh();', gallery.home_schema())],
        format('%s counts, none older than %s seconds', v_counts, s.freshness_seconds));
end
$function$;
comment on function gallery.check_statistics() is 'Are the tag counts there, and fresh? Cost: one read of tag_cardinality_stats.';

create or replace function gallery.check_refresh_backlog()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_limit     int := (gallery.current_settings()).dirty_limit;
    v_backlog   bigint;
    v_built     boolean;
    v_damage    text;
    v_refreshed timestamptz;
    v_blind     gallery.health_check := gallery.unreadable('refresh_backlog', array['gallery.bitmap_state', 'gallery.dirty_item']);
begin
    if v_blind is not null then
        return v_blind;
    end if;
    select s.built, s.damage, s.refreshed_at into v_built, v_damage, v_refreshed from gallery.bitmap_state s;
    if not v_built then
        return row('refresh_backlog', 'fail', 'the bitmap index is not built: until then pages take other strategies, and gallery_refresh() refuses',
                   format('call %I.gallery_rebuild();', gallery.home_schema()))::gallery.health_check;
    end if;
    if v_damage is not null then
        return row('refresh_backlog', 'fail', format('the bitmap index is damaged: %s; until it is rebuilt pages come from the tables, and gallery_refresh() refuses', v_damage),
                   gallery.damage_remedy())::gallery.health_check;
    end if;
    select count(*) into v_backlog from (select from gallery.dirty_item limit v_limit + 1) d;
    return gallery.health_row('refresh_backlog', 'warn',
        case when v_backlog > v_limit then array[format(
            'more than %s changes (dirty_limit) wait to be indexed; until then pages take other strategies than the bitmap index; the last refresh was %s',
            v_limit, date_trunc('second', v_refreshed))] end,
        array[format('call %I.gallery_refresh();', gallery.home_schema()), format('select * from %I.gallery_schedule();', gallery.home_schema())],
        format('%s changes wait to be indexed; the last refresh was %s', v_backlog, date_trunc('second', v_refreshed)));
end
$function$;
comment on function gallery.check_refresh_backlog() is
    'Does the refresh keep up with the changes? Cost: a read of the log, no further than the limit.';

create or replace function gallery.uncountable()
returns text
language plpgsql stable
set search_path from current
as $function$
declare
    v_limit int := (gallery.current_settings()).dirty_limit;
begin
    return case
        when not (select s.built from gallery.bitmap_state s) then 'the bitmap index is not built'
        when row_security_active('@schema_text@.content_items_all') then 'row level security hides items from this role'
        when exists (select from gallery.dirty_item d where d.content_id is null) then 'a refresh has to take in that a table was emptied'
        when (select count(*) from (select from gallery.dirty_item limit v_limit + 1) d) > v_limit then 'too many changes wait to be indexed'
    end;
end
$function$;
comment on function gallery.uncountable() is
    'Why the items that the index knows of can''t be compared with those of the tables by their number; null if they can.';

-- An item in the log may be in the index or not, and in the tables or not: it counts in neither.
create or replace function gallery.count_both(out indexed bigint, out present bigint)
language plpgsql stable
set search_path from current
as $function$
begin
    with changed as materialized (
        select distinct d.content_id as id, d.content_source as source from gallery.dirty_item d
    )
    select (select coalesce(sum(k.cardinality), 0) from gallery.bitmap_container k
            where k.kind = gallery.kind_source() and k.key = any (array(select gallery.source_key(s) from unnest(gallery.source_types()) s)))
           - (select count(*) from changed c join gallery.bitmap_item i on i.content_id = c.id and i.content_source = c.source),
           (select count(*) from @schema@.content_items_all)
           - (select count(*) from changed c join @schema@.content_items_all i on i.id = c.id and i.source_type = c.source)
    into indexed, present;
end
$function$;
comment on function gallery.count_both() is
    'How many items the index knows of, and how many there are, but for those in the log of changes. Cost: reading an index on all ids.';

create or replace function gallery.check_counts()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_why   text;
    b       record;
    v_blind gallery.health_check := gallery.unreadable('counts', array[
        '@schema_text@.content_items_all', 'gallery.bitmap_state', 'gallery.bitmap_container', 'gallery.bitmap_item', 'gallery.dirty_item']);
begin
    if v_blind is not null then
        return v_blind;
    end if;
    v_why := gallery.uncountable();
    if v_why is not null then
        return gallery.health_row('counts', 'ok', null, null, format('nothing was counted: %s', v_why));
    end if;
    b := gallery.count_both();
    return gallery.health_row('counts', 'fail',
        case when b.indexed <> b.present then array[format(
            'the bitmap index knows of %s items, the tables have %s, besides those that wait to be indexed: items were changed and no trigger saw it',
            b.indexed, b.present)] end,
        array[format('call %I.gallery_rebuild();', gallery.home_schema())],
        format('the bitmap index and the tables have %s items each, besides those that wait to be indexed; gallery_verify() compares everything',
               b.present));
end
$function$;
comment on function gallery.check_counts() is
    'Does the bitmap index know of as many items as there are? Changes that no trigger saw, by replication or a restore, mostly show in it. Cost: reading an index on all ids, a tenth of a second for a million.';
