-- The public functions have the names, arguments and results of the contract.

begin;
select plan(44);

create temp table filter_arguments as
select * from (values
    (1, 'tags_all', 'uuid[]'), (2, 'tags_any', 'uuid[]'), (3, 'tags_none', 'uuid[]'),
    (4, 'content_source_types', 'text[]'), (5, 'viewer', 'uuid'), (6, 'creators', 'uuid[]'),
    (7, 'content_types', 'text[]'), (8, 'search', 'text'), (9, 'created_from', 'timestamp with time zone'),
    (10, 'created_before', 'timestamp with time zone'), (11, 'min_quality', 'double precision'))
    a (n, name, type);

-- The input arguments of a function, in order; its output columns

create function pg_temp.inputs_of(function text) returns table (name text, type text)
language sql as $$
    select coalesce(p.proargnames[a.n], ''), format_type(a.type, null)
    from pg_proc p cross join unnest(p.proargtypes) with ordinality a (type, n)
    where p.oid = to_regproc(function) order by a.n
$$;
create function pg_temp.outputs_of(function text) returns table (name text, type text)
language sql as $$
    select p.proargnames[a.n], format_type(a.type, null)
    from pg_proc p cross join unnest(p.proallargtypes) with ordinality a (type, n)
    where p.oid = to_regproc(function) and p.proargmodes[a.n] = 't' order by a.n
$$;

select ok(to_regproc(name) is not null, name || ' is there, once')
from unnest(array['gallery_page', 'gallery_count', 'gallery_facets', 'gallery_cursor_at',
    'gallery_pick_strategy', 'gallery_explain', 'gallery_tags', 'gallery_tag_ids', 'gallery_refresh',
    'gallery_rebuild', 'gallery_schedule', 'gallery_unschedule', 'gallery_configure', 'gallery_settings',
    'gallery_health', 'gallery_verify', 'gallery_version']) name;

select results_eq(
    format('select name, type from pg_temp.inputs_of(%L) limit 11', name),
    'select name, type from filter_arguments order by n',
    name || ' takes the filter')
from unnest(array['gallery_page', 'gallery_count', 'gallery_facets', 'gallery_cursor_at',
    'gallery_pick_strategy', 'gallery_explain']) name;
select is(pronargs, pronargdefaults, proname || ' can be called without any argument')
from pg_proc
where pronamespace = 'public'::regnamespace
  and proname in ('gallery_page', 'gallery_count', 'gallery_facets', 'gallery_cursor_at', 'gallery_pick_strategy',
                  'gallery_explain')
order by proname;

select results_eq(
    $$select * from pg_temp.inputs_of('gallery_page') offset 11$$,
    $$values ('sort_field', 'text'), ('sort_order', 'text'), ('page_size', 'integer'), ('cursor', 'text'),
             ('strategy', 'text')$$, 'gallery_page takes the sort, the size, the cursor and a strategy');
select results_eq(
    $$select * from pg_temp.outputs_of('gallery_page')$$,
    $$values ('id', 'bigint'), ('source_type', 'text'), ('title', 'text'), ('content_type', 'text'),
             ('content_data', 'text'), ('item_metadata', 'jsonb'), ('creator_id', 'uuid'),
             ('created_at', 'timestamp with time zone'), ('updated_at', 'timestamp with time zone'),
             ('quality_score', 'double precision'), ('is_private', 'boolean'), ('path_thumb', 'text'),
             ('path_thumbs_alt_res', 'jsonb'), ('prompt', 'text'), ('next_cursor', 'text'), ('prev_cursor', 'text')$$,
    'gallery_page gives the item and the two cursors');
select results_eq($$select name from pg_temp.inputs_of('gallery_facets') offset 11$$, array['facet_limit'],
    'gallery_facets takes a limit');
select results_eq(
    $$select * from pg_temp.outputs_of('gallery_facets')$$,
    $$values ('tag_id', 'uuid'), ('name', 'text'), ('item_count', 'bigint')$$, 'gallery_facets gives tags and counts');
select results_eq($$select * from pg_temp.inputs_of('gallery_cursor_at') offset 11$$,
    $$values ('sort_field', 'text'), ('sort_order', 'text'), ('rank', 'bigint')$$,
    'gallery_cursor_at takes the sort and a rank');
select results_eq($$select name from pg_temp.outputs_of('gallery_pick_strategy')$$,
    array['strategy', 'k', 'rarest_count', 'estimated_candidates', 'reason'],
    'gallery_pick_strategy gives the choice and its reason');
select results_eq($$select name from pg_temp.inputs_of('gallery_tags')$$,
    array['name_prefix', 'source_types', 'min_count', 'max_count', 'sort', 'page_size', 'cursor'],
    'gallery_tags takes the arguments of the contract');
select ok(array(select name from pg_temp.outputs_of('gallery_tags')) @> array['tag_id', 'name', 'item_count'],
    'gallery_tags gives tags and counts');
select results_eq($$select * from pg_temp.inputs_of('gallery_tag_ids')$$, $$values ('names', 'text[]')$$,
    'gallery_tag_ids takes names');

select function_returns('gallery_count', 'bigint');
select function_returns('gallery_cursor_at', 'text');
select function_returns('gallery_explain', 'jsonb');
select function_returns('gallery_tag_ids', 'uuid[]');
select function_returns('gallery_version', 'text');
select isnt(gallery_version(), null, 'the version is known');

select * from finish();
rollback;
