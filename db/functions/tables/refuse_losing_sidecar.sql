-- What the trigger refuse_losing_sidecar of content_items_all runs. An item that moves to another
-- source keeps its tags: the junction's foreign key follows it. A row of content_items_more, or of another
-- partition's table of that kind, holds fields that only items of that source have, and its foreign key
-- would delete it without a word; so such an item stays until the row is out of its way.
-- The revision that makes the trigger applies this file before it. The trigger fires in the partition, whose
-- name tells the other table's: which tables there are is not known before gallery_add_source() makes them.

create or replace function gallery.refuse_losing_sidecar()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
declare
    v_table text := tg_table_name || '_more';
    v_held  boolean;
begin
    if to_regclass(format('%I.%I', tg_table_schema, v_table)) is null then
        return new;
    end if;
    execute format('select exists (select from %I.%I m where m.source_id = $1)', tg_table_schema, v_table) into v_held using old.id;
    if v_held then
        raise exception using
            errcode = 'restrict_violation',
            message = format('item %s can''t move from %L to %L: it has a row in %s', old.id, old.source_type, new.source_type, v_table),
            detail  = 'That row holds fields which only items of its source have.',
            hint    = format('Delete the row of %s, or keep what it says elsewhere, and move the item then.', v_table);
    end if;
    return new;
end
$function$;
comment on function gallery.refuse_losing_sidecar() is
    'Trigger: refuses to move an item to another source while it has a row of rarely read fields, with SQLSTATE 23001 (restrict_violation).';
revoke execute on function gallery.refuse_losing_sidecar() from public;
