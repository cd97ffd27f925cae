-- Whether the bitmap index can be used, and which items changed since they were last indexed.

drop type if exists gallery.index_state cascade;
create type gallery.index_state as (
    lacks       text,                   -- why the index can't be used now; null if it can
    dirty       bigint,                 -- rows of the log,
    dirty_ids   gallery.candidates[]    -- and the items that they are of, in the order of ids
);
comment on type gallery.index_state is 'How far the bitmap index is.';

create or replace function gallery.index_state(dirty_limit int)
returns gallery.index_state
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    n       gallery.index_state;
    v_whole boolean;
begin
    n.lacks := case when gallery.rows_are_hidden() then 'row level security hides items or tags from this role'
                    when not has_table_privilege('gallery.bitmap_state', 'select') then 'this role may not read the bitmap index' end;
    if n.lacks is not null then
        return n;
    end if;
    select case when not s.built then 'the bitmap index is not built yet'
                when s.damage is not null then 'the bitmap index is damaged: ' || s.damage
                when s.filenodes is distinct from gallery.table_files() then 'a table was rewritten and the bitmap index not built anew since' end,
           d.rows, d.whole into n.lacks, n.dirty, v_whole
    from gallery.bitmap_state s
    cross join (select count(*) as rows, bool_or(l.content_id is null) as whole
                from (select i.content_id from gallery.dirty_item i limit dirty_limit + 1) l) d;
    n.lacks := case when n.lacks is not null then n.lacks
                    when n.dirty is null then 'the bitmap index is not built yet'
                    when n.dirty > dirty_limit then format('more than %s changed items are not indexed yet', dirty_limit)
                    when v_whole then 'a table was truncated and the bitmap index not built anew since' end;
    if n.lacks is null and n.dirty > 0 then
        n.dirty_ids := array(           -- a read of the log a source takes a third of the time that grouping it takes
            select row(t.source, d.ids)::gallery.candidates
            from unnest(gallery.source_types()) t (source)
            cross join lateral (select array(select distinct i.content_id from gallery.dirty_item i
                                             where i.content_source = t.source order by 1) as ids offset 0) d
            where d.ids <> '{}');
    end if;
    return n;
end
$function$;
comment on function gallery.index_state(int) is
    'Whether the bitmap index can be used now, given the setting dirty_limit. A role without SELECT on it, or from which row level security hides rows, is served by the other strategies.';
