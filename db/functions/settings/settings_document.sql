-- The settings as one document, the form in which gallery_configure takes them and config/base.json
-- has them.

create or replace function gallery.settings_path()
returns text
language sql immutable
return 'performance.query_planner_tag_prejoin_for_content_queries';
comment on function gallery.settings_path() is
    'Where the settings stand in the document that holds them.';

create or replace function gallery.settings_document()
returns jsonb
language plpgsql stable
set search_path from current
as $function$
declare
    v_document jsonb;
    v_key      text;
begin
    select coalesce(jsonb_object_agg(g.section, g.inside) filter (where g.section <> ''), '{}')
           || coalesce(jsonb_object_agg(g.section, g.inside) filter (where g.section = '') -> '', '{}')
    into v_document
    from (
        select regexp_replace(s.name, E'\\.?[^.]*$', '') as section,
               jsonb_object_agg(gallery.setting_field(s.name), s.value) as inside
        from @schema@.gallery_settings() s
        group by 1
    ) g;
    for v_key in select p.key from unnest(string_to_array(gallery.settings_path(), '.')) with ordinality p (key, n) order by p.n desc loop
        v_document := jsonb_build_object(v_key, v_document);
    end loop;
    return v_document;
end
$function$;
comment on function gallery.settings_document() is
    'All settings in force, as the document that gallery_configure() takes and config/base.json holds.';
