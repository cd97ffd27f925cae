-- gallery_configure: changes settings. Takes the document of config/base.json, whole or in part.

create or replace function gallery.settings_beneath(key text)
returns setof text
language plpgsql immutable
set search_path from current
as $function$
begin
    return query
    select d.name from gallery.setting_definitions() d
    where starts_with(d.name, key || '.') or starts_with(gallery.settings_path() || '.' || d.name, key || '.');
end
$function$;
comment on function gallery.settings_beneath(text) is
    'The names of the settings that a section of the document holds; none if it is not a section.';

create or replace function gallery.refuse_setting(key text, allowed text, value jsonb)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    perform gallery.raise_error('TG007', format('setting %s must be %s, not %s', key, allowed, left(value::text, 100)),
        'A JSON null puts a setting back to its default; gallery_settings() lists them all.');
end
$function$;
comment on function gallery.refuse_setting(text, text, jsonb) is
    'TG007: a setting does not take this value.';

create or replace function gallery.setting_change(key text, value jsonb)
returns jsonb
language plpgsql immutable
set search_path from current
as $function$
declare
    d       gallery.setting_definition;
    v_value jsonb;
begin
    select s.* into d from gallery.setting_definitions() s where key in (s.name, gallery.settings_path() || '.' || s.name);
    if not found then
        perform gallery.raise_error('TG007', format('unknown setting "%s"', left(key, 200)),
            (select 'Known are ' || string_agg(s.name, ', ') || '.' from gallery.setting_definitions() s));
    end if;
    v_value := gallery.setting_value(d, value);
    if v_value is null and value <> 'null' then
        perform gallery.refuse_setting(d.name, gallery.setting_allowed(d.type, d.minimum, d.maximum, d.choices), value);
    end if;
    return jsonb_build_object(d.name, v_value);
end
$function$;
comment on function gallery.setting_change(text, jsonb) is
    'One key''s change, {name: value}, the value null for back to the default. Errors: TG007.';

create or replace function gallery.settings_changes(document jsonb, section text)
returns jsonb
language plpgsql immutable
set search_path from current
as $function$
declare
    v_key     text;
    v_value   jsonb;
    v_change  jsonb;
    v_changes jsonb := jsonb_build_object();
begin
    if jsonb_typeof(document) <> 'object' then
        perform gallery.refuse_setting(coalesce(section, 'document'), 'a JSON object', document);
    end if;
    for v_key, v_value in select concat_ws('.', section, e.key), e.value from jsonb_each(document) e order by e.key collate "C" loop
        if not exists (select from gallery.settings_beneath(v_key)) then
            v_change := gallery.setting_change(v_key, v_value);
        elsif v_value = 'null' then
            v_change := (select jsonb_object_agg(b.name, null) from gallery.settings_beneath(v_key) b (name));
        else
            v_change := gallery.settings_changes(v_value, v_key);
        end if;
        if v_changes ?| array(select jsonb_object_keys(v_change)) then
            perform gallery.raise_error('TG007', format('"%s" sets what the document sets elsewhere too', v_key),
                'Give each setting once, nested or with its section and a dot before its name.');
        end if;
        v_changes := v_changes || v_change;
    end loop;
    return v_changes;
end
$function$;
comment on function gallery.settings_changes(jsonb, text) is
    'The changes that a section of the document asks for (null: the document itself), as {name: value or null}. Errors: TG007.';

create or replace function @schema@.gallery_configure(document jsonb)
returns jsonb
language plpgsql volatile
set search_path from current
as $function$
declare
    v_changes jsonb := gallery.settings_changes(coalesce(document, '{}'), null);
begin
    insert into gallery.settings as s (document, in_force)
    values (jsonb_strip_nulls(v_changes), gallery.settings_with_defaults(jsonb_strip_nulls(v_changes)))
    on conflict (only_row) do update
    set document   = jsonb_strip_nulls(s.document || v_changes),
        in_force   = gallery.settings_with_defaults(jsonb_strip_nulls(s.document || v_changes)),
        updated_at = now();
    return gallery.settings_document();
end
$function$;
comment on function @schema@.gallery_configure(jsonb) is
$comment$Changes settings, and returns all that are then in force, in the form in which it takes them.
document: {"performance": {"query_planner_tag_prejoin_for_content_queries": {...}}}, or the inner object alone, or with dotted names ({"telemetry.sample_rate": 1}); whole or in part. What it does not name stays as it is; a JSON null puts a setting, or a whole section, back to its default. NULL or {} changes nothing.
All or nothing: one key that is unknown or has a value out of its range refuses the document. In force for every statement that starts after the commit.
Errors: TG007, naming the key and what it takes. May be executed by whom it is granted to.$comment$;
revoke execute on function @schema@.gallery_configure(jsonb) from public;
