-- Every setting there is: the one place that says its name, type, default, range and meaning.
-- What reads settings (gallery.settings_in_force, its type), changes them (gallery_configure) or
-- shows them (gallery_settings) is made from this table; config/base.json is tested to be equal.

drop type if exists gallery.setting_definition cascade;
create type gallery.setting_definition as (
    name            text,               -- as gallery_settings() shows it, sections separated by dots
    type            text,               -- the SQL type of its value
    default_value   jsonb,
    minimum           numeric,            -- of a number: the range, both ends included
    maximum        numeric,
    choices         text[],             -- of a text: all that it can be; null where it is free
    unit            text,
    meaning         text
);
comment on type gallery.setting_definition is 'What there is to know about one setting.';

create or replace function gallery.setting_definitions()
returns setof gallery.setting_definition
language sql immutable
begin atomic
    values
        ('planner', 'text', '"cost"'::jsonb, null::numeric, null::numeric, '{cost,rules}'::text[], null,
            'who chooses the strategy: cost compares estimates and takes the cheapest, rules follows the thresholds below to the letter'),
        ('small_k_threshold', 'integer', '3', 0, 1000, null, 'tags',
            'rules planner: up to so many required tags, self_join'),
        ('group_having_rarest_ceiling', 'bigint', '50000', 0, 1e12, null, 'items',
            'rules planner: up to so many items with the rarest tag, group_having'),
        ('two_phase_min_k_for_dual_seed', 'integer', '7', 2, 1000, null, 'tags',
            'rules planner: from so many required tags on, two_phase_dual may be taken'),
        ('two_phase_dual_seed_floor', 'bigint', '150000', 0, 1e12, null, 'items',
            'rules planner: above so many items with the rarest tag, two_phase_dual may be taken'),
        ('seed_candidate_cap', 'bigint', '50000', 0, 1e12, null, 'items',
            'rules planner: a seed of more items than this is a reason to take group_having instead; never a limit on what is found'),
        ('max_work_mem_mb', 'integer', '256', 1, 2097151, null, 'MB',
            'the most memory that a strategy may plan for in sorts and hash tables'),
        ('enable_two_phase', 'boolean', 'true', null, null, null, null,
            'whether two_phase_single and two_phase_dual may be taken'),
        ('enable_group_having', 'boolean', 'true', null, null, null, null,
            'whether group_having may be taken'),
        ('enable_self_join', 'boolean', 'true', null, null, null, null,
            'whether self_join may be taken'),
        ('enable_bitmap', 'boolean', 'true', null, null, null, null,
            'whether the bitmap index may be used'),
        ('enable_ordered_walk', 'boolean', 'true', null, null, null, null,
            'whether ordered_walk and full_scan, which go through the items, may be taken'),
        ('dirty_limit', 'integer', '20000', 0, 1000000, null, 'items',
            'how many changed, not yet indexed items a reader of the bitmap index tests directly before other strategies are taken'),
        ('stats.source', 'text', '"table"', null, null, '{table}', null,
            'where the planners take the tags'' counts from: a table'),
        ('stats.table_name', 'text', '"tag_cardinality_stats"', null, null, '{tag_cardinality_stats}', null,
            'which table that is'),
        ('stats.freshness_seconds', 'integer', '3600', 1, 31536000, null, 'seconds',
            'counts older than this still count, and gallery_health() says so'),
        ('stats.fallback_default_count', 'bigint', '1000000', 0, 1e12, null, 'items',
            'what a tag without statistics counts as'),
        ('telemetry.log_strategy_choice', 'boolean', 'true', null, null, null, null,
            'whether sampled pages leave a line in the server log'),
        ('telemetry.log_estimates', 'boolean', 'true', null, null, null, null,
            'whether that line has the planner''s estimate of the candidates'),
        ('telemetry.sample_rate', 'double precision', '0.1', 0, 1, null, 'share of pages',
            'which share of the pages leaves a line: 0 none, 1 every page'),
        ('viewer.pinned_to', 'text', '"nothing"', null, null, '{nothing,setting,role}', null,
            'what says who is looking: nothing but the argument viewer; a setting of the session; or the role that calls, which is called like the user'),
        ('viewer.setting_name', 'text', '"request.jwt.claims"', null, null, null, null,
            'pinned to a setting: which one names the viewer'),
        ('viewer.claim', 'text', '"sub"', null, null, null, null,
            'pinned to a setting: which field of its JSON object is the viewer''s uuid; empty where its whole value is'),
        ('viewer.administrators', 'text', '""', null, null, null, null,
            'the role whose members may name any viewer, and see everything with pg_gallery.see_everything = on; empty for none');
end;
comment on function gallery.setting_definitions() is
    'Every setting, in the order in which they are shown.';

create or replace function gallery.setting_field(name text)
returns text
language sql immutable
return regexp_replace(name, E'^.*\\.', '');
comment on function gallery.setting_field(text) is
    'The field of gallery.settings_in_force that holds a setting: its name without the section.';

create or replace function gallery.setting_allowed(type text, minimum numeric, maximum numeric, choices text[])
returns text
language plpgsql immutable
set search_path from current
as $function$
begin
    return case type
        when 'boolean'          then 'true or false'
        when 'text'             then coalesce('"' || array_to_string(choices, '" or "') || '"', 'a text of at most 200 characters')
        when 'double precision' then format('a number from %s to %s', minimum, maximum)
        else format('a whole number from %s to %s', minimum, maximum)
    end;
end
$function$;
comment on function gallery.setting_allowed(text, numeric, numeric, text[]) is
    'In words, which values a setting takes.';

create or replace function gallery.setting_value(d gallery.setting_definition, value jsonb)
returns jsonb
language plpgsql immutable
set search_path from current
as $function$
begin
    return case
        when d.type = 'boolean' and jsonb_typeof(value) = 'boolean' then value
        when d.type = 'text' and jsonb_typeof(value) = 'string' and value #>> '{}' = any (d.choices) then value
        when d.type = 'text' and jsonb_typeof(value) = 'string' and d.choices is null and length(value #>> '{}') <= 200 then value
        when d.type not in ('boolean', 'text') and jsonb_typeof(value) = 'number'
            and value::numeric between d.minimum and d.maximum
            and (d.type = 'double precision' or value::numeric = trunc(value::numeric))
            then to_jsonb(trim_scale(value::numeric))
    end;
end
$function$;
comment on function gallery.setting_value(gallery.setting_definition, jsonb) is
    'A value as it is stored; null if the setting does not take it.';

do $do$
begin
    drop type if exists gallery.settings_in_force cascade;
    execute (select format('create type gallery.settings_in_force as (%s)',
                           string_agg(format('%I %s', gallery.setting_field(d.name), d.type), ', '))
             from gallery.setting_definitions() d);
    comment on type gallery.settings_in_force is
        'The settings as they are now: a typed field for each of gallery.setting_definitions(), named without its section.';
end
$do$;
