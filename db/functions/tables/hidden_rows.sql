-- Row level security. A role under a policy sees some of the rows; the bitmap index, the listing of
-- tags and the statistics were made of all of them. So for such a role nothing derived is used: what
-- it asks for is worked out from the rows that it may see, as plain SQL would do, at that speed.

create or replace function gallery.rows_are_hidden()
returns boolean
language plpgsql stable
set search_path from current
as $function$
declare
    v_table oid;
begin
    foreach v_table in array gallery.item_tables() loop
        if row_security_active(v_table) then
            return true;
        end if;
    end loop;
    return row_security_active('@schema_text@.content_items_all')
        or row_security_active('@schema_text@.content_tags')
        or row_security_active('@schema_text@.tags');
end
$function$;
comment on function gallery.rows_are_hidden() is
    'Whether row level security is in force for the current role on what derived data is made of.';

create or replace function gallery.refuse_hidden_rows()
returns void
language plpgsql stable
set search_path from current
as $function$
begin
    if gallery.rows_are_hidden() then
        perform gallery.raise_error('TG006', format('row level security hides items or tags from the role %I', current_user),
            'Run it as a role that sees every row: the owner of the tables (without FORCE ROW LEVEL SECURITY), or one with BYPASSRLS.');
    end if;
end
$function$;
comment on function gallery.refuse_hidden_rows() is
    'TG006 if row level security is in force for the current role: what it derived of the tables would lack rows.';
