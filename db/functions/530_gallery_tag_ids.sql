-- gallery_tag_ids: tag names to tag ids.

create or replace function @schema@.gallery_tag_ids(names text[])
returns uuid[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_ids uuid[];
begin
    perform gallery.refuse_null_elements('names', names);
    select array_agg(t.id order by w.n) into v_ids
    from unnest(names) with ordinality w (name, n)
    left join @schema@.tags t on t.name = w.name;
    if array_position(v_ids, null) is not null then
        perform gallery.raise_error('TG003',
            format('unknown tag %L', left(names[array_position(v_ids, null)], 100)),
            'Names are compared as they stand, case included; gallery_tags(name_prefix => ...) finds names.');
    end if;
    return coalesce(v_ids, case when names is not null then '{}'::uuid[] end);
end
$function$;
comment on function @schema@.gallery_tag_ids(text[]) is
    'The ids of tags by their names, in the order of the names; NULL for NULL. Errors: TG003 for an unknown name (the first is named), TG004 for a NULL element.';
