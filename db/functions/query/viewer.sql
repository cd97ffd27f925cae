-- Who is looking. The viewer is an argument, unless the settings pin it to something that the server
-- knows of the session; then no caller can name another, and need not name any.
--
-- A function of an application that is SECURITY DEFINER changes current_user, so a caller is known
-- by the role that was set, or else by the one that logged in.

create or replace function gallery.caller_role()
returns text
language sql stable
return coalesce(nullif(current_setting('role'), 'none'), session_user);
comment on function gallery.caller_role() is
    'The role that calls: as SET ROLE left it, else the one that logged in. A SECURITY DEFINER function on the way does not change it.';

create or replace function gallery.is_administrator(in_force gallery.settings_in_force)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return in_force.administrators <> ''
       and exists (select from pg_catalog.pg_roles r
                   where r.rolname = in_force.administrators and pg_has_role(gallery.caller_role(), r.oid, 'member'));
end
$function$;
comment on function gallery.is_administrator(gallery.settings_in_force) is
    'Whether the caller is a member of the role that the setting viewer.administrators names.';

create or replace function gallery.sees_everything(in_force gallery.settings_in_force)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    if coalesce(lower(current_setting('pg_gallery.see_everything', true)), '') not in ('on', 'true', 'yes', '1') then
        return false;
    end if;
    if not gallery.is_administrator(in_force) then
        perform gallery.raise_error('TG004', format('role "%s" may not see everything', gallery.caller_role()),
            'Only members of the role that the setting viewer.administrators names may: set pg_gallery.see_everything to off.');
    end if;
    return true;
end
$function$;
comment on function gallery.sees_everything(gallery.settings_in_force) is
    'Whether the session asks, by the setting pg_gallery.see_everything = on, to see the private items of all. Errors: TG004, if it may not.';

create or replace function gallery.pinned_viewer(in_force gallery.settings_in_force)
returns uuid
language plpgsql stable
set search_path from current
as $function$
#variable_conflict use_variable
declare
    v_value text;
begin
    if in_force.pinned_to = 'role' then
        return (select u.id from @schema@.users u where u.username = gallery.caller_role());
    end if;
    v_value := nullif(current_setting(in_force.setting_name, true), '');
    if in_force.claim <> '' then
        if jsonb_typeof(v_value::jsonb) <> 'object' then
            raise invalid_text_representation;
        end if;
        v_value := v_value::jsonb ->> in_force.claim;
    end if;
    return v_value::uuid;
exception when invalid_text_representation or untranslatable_character then
    perform gallery.raise_error('TG004', format('the session setting %s does not say who is looking', in_force.setting_name),
        case when in_force.claim = '' then 'It must hold the uuid of the viewer, or be empty where nobody is known.'
             else format('It must be a JSON object whose "%s" is the uuid of the viewer, or that has none where nobody is known.', in_force.claim) end);
    return null;
end
$function$;
comment on function gallery.pinned_viewer(gallery.settings_in_force) is
    'The viewer that the server knows of, where the settings pin it: the user who is called like the role, or the one that a session setting names. Null: nobody is known. Errors: TG004.';

create or replace function gallery.viewer_in_force(viewer uuid, in_force gallery.settings_in_force)
returns uuid
language plpgsql stable
set search_path from current
as $function$
declare
    v_pinned uuid;
begin
    if in_force.pinned_to = 'nothing' then
        return viewer;
    end if;
    v_pinned := gallery.pinned_viewer(in_force);
    if viewer is null then
        return v_pinned;
    end if;
    if viewer is distinct from v_pinned and not gallery.is_administrator(in_force) then
        perform gallery.raise_error('TG004', format('viewer is %s, and the session is not theirs', viewer),
            'The viewer is pinned to what the server knows of the session, by the setting viewer.pinned_to: leave it out.');
    end if;
    return viewer;
end
$function$;
comment on function gallery.viewer_in_force(uuid, gallery.settings_in_force) is
    'Who is looking, given the argument: that one, or whom the settings pin it to; administrators may name anybody. Errors: TG004.';
