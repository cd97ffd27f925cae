-- What the trigger refuse_losing_sidecar of content_items_all runs. An item that moves to another
-- source keeps its tags: the junction's foreign key follows it. A row of content_items_more or
-- content_items_auto_more holds fields that only items of that source have, and its foreign key
-- would delete it without a word; so such an item stays until the row is out of its way.
-- The revision that makes the trigger applies this file before it.

create or replace function gallery.refuse_losing_sidecar()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
declare
    v_table text := case
        when old.source_type = 'items' and exists (select from @schema@.content_items_more m where m.source_id = old.id)
            then 'content_items_more'
        when old.source_type = 'auto' and exists (select from @schema@.content_items_auto_more m where m.source_id = old.id)
            then 'content_items_auto_more' end;
begin
    if v_table is not null then
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
