-- gallery_settings: shows settings; and the same as the document that gallery_configure takes.

create or replace function @schema@.gallery_settings()
returns table (name text, value jsonb, default_value jsonb, unit text, allowed text, meaning text)
language plpgsql stable rows 20
set search_path from current
as $function$
begin
    return query
    select d.name, coalesce(s.in_force -> gallery.setting_field(d.name), d.default_value), d.default_value, d.unit,
           gallery.setting_allowed(d.type, d.minimum, d.maximum, d.choices), d.meaning
    from gallery.setting_definitions() with ordinality d (name, type, default_value, minimum, maximum, choices, unit, meaning, n)
    left join gallery.settings s on true
    order by d.n;
end
$function$;
comment on function @schema@.gallery_settings() is
    'Every setting: its name (sections separated by dots), the value in force, the default, the unit, what values it takes, and what it means. Change them with gallery_configure().';

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
