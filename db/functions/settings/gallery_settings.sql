-- gallery_settings: shows every setting with what it is and what it means.

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
