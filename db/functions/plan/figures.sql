-- Reads the figures that the planners choose by: how many items carry the tags, by the statistics, and
-- how large the tables are.

-- Items lie in no order of quality, so each probe of a walk by quality is in another place of a large index: reading
-- the rarest tag's list once is cheaper from some hundred steps on.
create or replace function gallery.with_seed(g gallery.figures, wanted bigint)
returns gallery.figures
language plpgsql immutable
set search_path from current
as $function$
declare
    n       gallery.narrowing := g.narrowings[1];
    v_steps double precision;
    v_list  double precision;
    v_step  double precision;
begin
    if n.tags is null or not n.carried or cardinality(n.tags) > 1 then
        return g;
    end if;
    v_list := gallery.cost_of_listing(g, n);
    v_step := gallery.cost_of_seeded_step(g);
    v_steps := least(wanted * g.items / greatest(g.carriers * g.tested, 1), g.items);
    if v_list + v_steps * v_step < v_steps * g.walk_step then
        g.seed_cost := v_list;
        g.walk_step := v_step;
    end if;
    return g;
end
$function$;
comment on function gallery.with_seed(gallery.figures, bigint) is
    'The figures of a walk that tests the rarest tag by its list, where that is cheaper.';

create or replace function gallery.table_sizes(
    sources text[], out items_in_all double precision, out items double precision, out item_pages double precision,
    out tag_rows double precision, out visible double precision)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    select sum(c.reltuples::double precision) filter (where c.oid <> '@schema_text@.content_tags'::regclass),
           sum(c.reltuples::double precision) filter (where (gallery.source_types())[array_position(gallery.item_tables(), c.oid)] = any (sources)),
           sum(c.relpages::double precision) filter (where (gallery.source_types())[array_position(gallery.item_tables(), c.oid)] = any (sources)),
           sum(c.reltuples::double precision) filter (where c.oid = '@schema_text@.content_tags'::regclass),
           sum(c.relallvisible::double precision / nullif(c.relpages, 0)) filter (where c.oid = '@schema_text@.content_tags'::regclass)
    into items_in_all, items, item_pages, tag_rows, visible
    from pg_class c
    where c.oid = any (gallery.indexed_tables());
end
$function$;
comment on function gallery.table_sizes(text[]) is
    'How many items there are, in all and in some sources, the pages that these fill, how many rows the junction has, and the share of it that index-only scans need not visit; as of the last ANALYZE or VACUUM.';

create or replace function gallery.read_figures(f gallery.filter, s gallery.scan, in_force gallery.settings_in_force)
returns gallery.figures
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_entries constant double precision := 165::double precision;     -- on a leaf page of the junction's indexes
    c_fanout  constant double precision := 200::double precision;     -- of their inner pages
    c_ids     constant double precision := 365::double precision;     -- on any page of an index of ids
    c_items   constant double precision := 25::double precision;      -- on a page of items
    c_row     constant double precision := 0.08::double precision;    -- what handling a row of a list takes, in buffers
    c_tested  constant double precision := 0.1::double precision;     -- of content types, quality and words nothing is known,
    c_owned   constant double precision := 0.001::double precision;   -- nor of creators
    g         gallery.figures;
    n         gallery.narrowing;
    v_index   gallery.index_state := gallery.index_state(in_force.dirty_limit);
    z         record;
begin
    g.narrowings := gallery.read_narrowings(f, in_force.fallback_default_count);
    g.hidden := gallery.rows_are_hidden();
    g.sources := cardinality(f.sources);
    g.tested := case when gallery.needs_item_test(f) then c_tested else 1 end;
    g.owned := case when f.creators is not null then least(c_owned * cardinality(f.creators), 1)
                    when f.other_sources = '{}' then c_owned else 1 end;
    z := gallery.table_sizes(f.sources);
    g.items := greatest(z.items, 1);
    foreach n in array g.narrowings loop            -- the sizes of tables that were never analyzed are not known
        if cardinality(n.tags) = 1 then
            g.items := greatest(g.items, n.listed);
        end if;
    end loop;
    g.item_pages := greatest(z.item_pages, g.items / c_items);
    g.item_probe := 2 + ceil(greatest(ln(g.items / c_ids) / ln(c_ids), 0));
    g.tag_probe := 1 + ceil(greatest(ln(greatest(z.tag_rows, g.items) / c_entries) / ln(c_fanout), 0));
    g.list_row := c_row + 1 / c_entries + 1 - coalesce(z.visible, 1);
    g.carriers := g.items * g.owned;
    foreach n in array g.narrowings loop
        g.carriers := gallery.meeting(g.carriers, g, n);
    end loop;
    g.walk_step := gallery.cost_of_walk_step(g, s.by_quality);
    if s.by_quality and not g.hidden then       -- the list is of the partitions themselves, which have policies of their own
        g := gallery.with_seed(g, s.wanted);
    end if;
    g.index_lacks := v_index.lacks;
    g.dirty := v_index.dirty::double precision;
    g.dirty_ids := v_index.dirty_ids;
    g.blocks := ceil(greatest(z.items_in_all, g.items) / gallery.block_capacity());
    return g;
end
$function$;
comment on function gallery.read_figures(gallery.filter, gallery.scan, gallery.settings_in_force) is
    'The figures for a query.';
