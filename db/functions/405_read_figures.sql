-- Reads the figures that the planners choose by: how many items carry the tags, by the statistics, and
-- how large the tables are.

create or replace function gallery.count_carriers(tags uuid[], sources text[], fallback_count bigint)
returns double precision[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    if not has_table_privilege('@schema_text@.tag_cardinality_stats', 'select') then
        return array_fill(fallback_count::double precision, array[coalesce(cardinality(tags), 0)]);
    end if;
    return array(
        select (select (case when count(*) = 0 then fallback_count       -- no items in these sources is not the same as unknown
                            else greatest(sum(t.cardinality) filter (where t.content_source = any (sources)), 0) end)::double precision
                from @schema@.tag_cardinality_stats t where t.tag_id = w.tag)
        from unnest(tags) with ordinality w (tag, n)
        order by w.n);
end
$function$;
comment on function gallery.count_carriers(uuid[], text[], bigint) is
    'How many items of some sources carry each of the tags, by the statistics; the fallback for a tag without any, and for a role that may not read them.';

create or replace function gallery.read_narrowings(f gallery.filter, fallback_count bigint)
returns gallery.narrowing[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    v_all    int := coalesce(cardinality(f.tags_all), 0);
    v_any    int := coalesce(cardinality(f.tags_any), 0);
    v_listed double precision[] := gallery.count_carriers(f.tags_all || f.tags_any || f.tags_none, f.sources, fallback_count);
    v_found  gallery.narrowing[] := array[]::gallery.narrowing[];
begin
    if v_all = 1 then
        v_found := array[row(f.tags_all, true, v_listed[1])::gallery.narrowing];
    elsif v_all > 1 then
        v_found := array(select row(array[w.tag], true, w.listed)::gallery.narrowing
                         from unnest(f.tags_all, v_listed[:v_all]) w (tag, listed)
                         order by w.listed, w.tag);
    end if;
    if v_any > 0 then
        v_found := v_found || row(f.tags_any, true, (select sum(l) from unnest(v_listed[v_all + 1 : v_all + v_any]) l))::gallery.narrowing;
        v_found := array(select n from unnest(v_found) n order by n.listed, n.tags);
    end if;
    if f.tags_none is not null then
        v_found := v_found || (select row(array_agg(w.tag order by w.listed desc, w.tag), false, sum(w.listed))::gallery.narrowing
                               from unnest(f.tags_none, v_listed[v_all + v_any + 1 :]) w (tag, listed));    -- the commonest first: it rules out most
    end if;
    return v_found;
end
$function$;
comment on function gallery.read_narrowings(gallery.filter, bigint) is
    'What a filter asks of tags, in the order in which it is best applied. fallback_count: what a tag without statistics counts as.';

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
    v_all     double precision;                     -- items of both sources
    v_rows    double precision;
    v_visible double precision;                     -- the share of the junction that index-only scans need not visit
begin
    g.narrowings := gallery.read_narrowings(f, in_force.fallback_default_count);
    g.sources := cardinality(f.sources);
    g.tested := case when gallery.needs_item_test(f) then c_tested else 1 end;
    g.owned := case when f.creators is not null then least(c_owned * cardinality(f.creators), 1)
                    when f.other_sources = '{}' then c_owned else 1 end;
    select sum(c.reltuples::double precision) filter (where c.oid <> '@schema_text@.content_tags'::regclass),
           sum(c.reltuples::double precision) filter (where c.oid = '@schema_text@.content_items'::regclass and 'items' = any (f.sources)
                                       or c.oid = '@schema_text@.content_items_auto'::regclass and 'auto' = any (f.sources)),
           sum(c.relpages::double precision) filter (where c.oid = '@schema_text@.content_items'::regclass and 'items' = any (f.sources)
                                      or c.oid = '@schema_text@.content_items_auto'::regclass and 'auto' = any (f.sources)),
           sum(c.reltuples::double precision) filter (where c.oid = '@schema_text@.content_tags'::regclass),
           sum(c.relallvisible::double precision / nullif(c.relpages, 0)) filter (where c.oid = '@schema_text@.content_tags'::regclass)
    into v_all, g.items, g.item_pages, v_rows, v_visible
    from pg_class c
    where c.oid in ('@schema_text@.content_items'::regclass, '@schema_text@.content_items_auto'::regclass, '@schema_text@.content_tags'::regclass);
    g.items := greatest(g.items, 1);
    foreach n in array g.narrowings loop            -- the sizes of tables that were never analyzed are not known
        if cardinality(n.tags) = 1 then
            g.items := greatest(g.items, n.listed);
        end if;
    end loop;
    g.item_pages := greatest(g.item_pages, g.items / c_items);
    v_rows := greatest(v_rows, g.items);
    g.item_probe := 2 + ceil(greatest(ln(g.items / c_ids) / ln(c_ids), 0));
    g.tag_probe := 1 + ceil(greatest(ln(v_rows / c_entries) / ln(c_fanout), 0));
    g.list_row := c_row + 1 / c_entries + 1 - coalesce(v_visible, 1);
    g.carriers := g.items * g.owned;
    foreach n in array g.narrowings loop
        g.carriers := gallery.meeting(g.carriers, g, n);
    end loop;
    g.walk_step := gallery.cost_of_walk_step(g, s.by_quality);
    if s.by_quality and not gallery.rows_are_hidden() then      -- the list is of the partitions themselves, which have policies of their own
        g := gallery.with_seed(g, s.wanted);
    end if;
    g.index_lacks := v_index.lacks;
    g.dirty := v_index.dirty::double precision;
    g.dirty_ids := v_index.dirty_ids;
    g.blocks := ceil(greatest(v_all, g.items) / gallery.block_capacity());
    return g;
end
$function$;
comment on function gallery.read_figures(gallery.filter, gallery.scan, gallery.settings_in_force) is
    'The figures for a query.';

create or replace function gallery.required_tags(g gallery.figures)
returns uuid[]
language plpgsql immutable
set search_path from current
as $function$
declare
    n      gallery.narrowing;
    v_tags uuid[];
begin
    foreach n in array g.narrowings loop
        if n.carried and cardinality(n.tags) = 1 then
            v_tags := v_tags || n.tags[1];
        end if;
    end loop;
    return v_tags;
end
$function$;
comment on function gallery.required_tags(gallery.figures) is
    'A filter''s tags_all in the order in which they are best applied, the rarest first; null if there are none.';
