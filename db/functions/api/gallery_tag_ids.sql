-- gallery_tag_ids: tag names to tag ids.

create or replace function @schema@.gallery_tag_ids(names text[])
returns uuid[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_ids     uuid[];
    v_unknown text;
begin
    if cardinality(names) > gallery.most_elements() then
        perform gallery.refuse_excess('names', cardinality(names), gallery.most_elements(), 'elements');
    end if;
    perform gallery.refuse_null_elements('names', names);
    select array_agg(t.id order by w.n), (array_agg(w.name order by w.n) filter (where t.id is null))[1]
    into v_ids, v_unknown
    from unnest(names collate "default") with ordinality w (name, n)
    left join @schema@.tags t on t.name = w.name;
    if v_unknown is not null then
        perform gallery.raise_error('TG003', format('unknown tag %L', left(v_unknown, 100)),
            'Names are compared as they stand, case included; gallery_tags(name_prefix => ...) finds names.');
    end if;
    return coalesce(v_ids, case when names is not null then '{}'::uuid[] end);
end
$function$;
comment on function @schema@.gallery_tag_ids(text[]) is
    'The ids of tags by their names, in the order of the names; NULL for NULL. Errors: TG003 for an unknown name (the first is named), TG004 for a NULL element, or more than 5000 names.';
