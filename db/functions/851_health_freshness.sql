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
begin
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
    v_refreshed timestamptz := (select s.refreshed_at from gallery.bitmap_state s);
begin
    if not (select s.built from gallery.bitmap_state s) then
        return row('refresh_backlog', 'fail', 'the bitmap index is not built: until then pages take other strategies, and gallery_refresh() refuses',
                   format('call %I.gallery_rebuild();', gallery.home_schema()))::gallery.health_check;
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
