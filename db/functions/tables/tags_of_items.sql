-- The tags of some items, counted.

-- Few items: read their tags.
create or replace function gallery.facets_of_items(places gallery.position[], facet_limit int)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
set jit = 'off'
as $function$
#variable_conflict use_variable
declare
    v_hidden boolean := gallery.rows_are_hidden();      -- else every tag that is carried is there
begin
    return query
    select t.id, t.name, c.item_count
    from (select ct.tag_id, count(*) as item_count, rank() over (order by count(*) desc) as rank
          from unnest(places) p
          join @schema@.content_tags ct on ct.content_id = p.id and ct.content_source = p.source collate "default"
          where not v_hidden or exists (select from @schema@.tags v where v.id = ct.tag_id)
          group by ct.tag_id) c
    join @schema@.tags t on t.id = c.tag_id
    where c.rank <= facet_limit         -- ties of the last place stay: their names decide
    order by c.item_count desc, t.name collate "C", t.id
    limit facet_limit;
end
$function$;
comment on function gallery.facets_of_items(gallery.position[], int) is
    'The tags most carried by some items. Cost: all tag rows of these items.';
