-- How large the arguments of a call may be. A bound is found out before anything that takes longer
-- the larger an argument is, so that no call can keep a server busy by its size.

create or replace function gallery.most_elements()
returns int
language sql immutable
return 5000;
comment on function gallery.most_elements() is
    'So many elements may stand in all the arrays of a call together.';

create or replace function gallery.most_search_bytes()
returns int
language sql immutable
return 8192;
comment on function gallery.most_search_bytes() is
    'So many bytes may a search have.';

create or replace function gallery.refuse_excess(what text, given bigint, most int, unit text)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    perform gallery.raise_error('TG004', format('%s: %s %s are too many', what, given, unit),
        format('Give %s %s at most in one call.', most, unit));
end
$function$;
comment on function gallery.refuse_excess(text, bigint, int, text) is
    'TG004: an argument is larger than its bound. To be found out before anything that takes longer the larger the argument is.';

create or replace function gallery.refuse_large_filter(elements bigint, search text)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    if elements > gallery.most_elements() then
        perform gallery.refuse_excess('tags_all, tags_any, tags_none, content_source_types, creators and content_types together',
            elements, gallery.most_elements(), 'elements');
    end if;
    if octet_length(search) > gallery.most_search_bytes() then
        perform gallery.refuse_excess('search', octet_length(search), gallery.most_search_bytes(), 'bytes');
    end if;
end
$function$;
comment on function gallery.refuse_large_filter(bigint, text) is
    'TG004 if the arguments of a filter have more elements in all arrays together, or a longer search, than they may have.';

create or replace function gallery.refuse_null_elements(name text, elements anyarray)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    if array_ndims(elements) > 1 then
        elements := array(select e from unnest(elements) e);
    end if;
    if array_position(elements, null) is not null then
        perform gallery.raise_error('TG004', format('%s has a NULL element', name),
            'Leave the element out; leave the argument out (or give NULL) for no condition.');
    end if;
end
$function$;
comment on function gallery.refuse_null_elements(text, anyarray) is
    'TG004 if an array argument has a NULL element.';
