-- Items near a place, and how ids are spread: by entries of the indexes alone, without reading a row.

create or replace function gallery.ids_between(source text, low timestamptz, high timestamptz, descending boolean, most int)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
as $function$
#variable_conflict use_variable
begin
    return case
        when descending then
            array(select i.id from gallery.sort_entries() i where i.source_type = source and i.created_at between low and high
                  order by i.created_at desc, i.id desc limit most)
        else
            array(select i.id from gallery.sort_entries() i where i.source_type = source and i.created_at between low and high
                  order by i.created_at, i.id limit most)
    end;
end
$function$;
comment on function gallery.ids_between(text, timestamptz, timestamptz, boolean, int) is
    'The items of a source that were created in a time, both ends included, in their order; no more than asked for. Cost: entries of the sort index alone.';

create or replace function gallery.share_between(source text, low bigint, high bigint)
returns double precision
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
as $function$
#variable_conflict use_variable
declare
    v_least bigint;
    v_most  bigint;
begin
    select min(i.id), max(i.id) into v_least, v_most from gallery.sort_entries() i where i.source_type = source;
    return least(1, (high::double precision - low + 1) / (v_most::double precision - v_least + 1));
end
$function$;
comment on function gallery.share_between(text, bigint, bigint) is
    'The share of a source''s items that lies between two ids, were these given without gaps.';
