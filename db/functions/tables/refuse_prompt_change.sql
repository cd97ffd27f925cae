-- What the trigger refuse_prompt_change of content_items_all runs: an item's prompt stays what it
-- was when the item was inserted. The revision that makes the trigger applies this file before it.

create or replace function gallery.refuse_prompt_change()
returns trigger
language plpgsql
set search_path from current
as $function$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'an item''s prompt is never changed',
        detail  = format('The item is (%s, %L).', old.id, old.source_type),
        hint    = 'Insert a new item with the new prompt, and delete this one if it is no longer wanted.';
end
$function$;
comment on function gallery.refuse_prompt_change() is
    'Trigger: refuses to change the prompt of an item, with SQLSTATE 23001 (restrict_violation).';
revoke execute on function gallery.refuse_prompt_change() from public;
