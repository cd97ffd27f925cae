-- Arrays as sets. A filter's arrays are sorted and without duplicates, so that equal filters are equal
-- rows, and an element is found by halving.

create or replace function gallery.as_set(elements uuid[])
returns uuid[]
language plpgsql immutable
set search_path from current
as $function$
begin
    if cardinality(elements) = 1 and array_ndims(elements) = 1 and array_lower(elements, 1) = 1 then
        return elements;                -- the commonest case, without a statement
    end if;
    return array(select distinct e from unnest(elements) e order by e);
end
$function$;
comment on function gallery.as_set(uuid[]) is 'The elements of an array, sorted and without duplicates.';

-- && and <@ compare every element of one array with every one of the other. EXCEPT and INTERSECT sort or
-- hash, whatever the planner's settings are.
create or replace function gallery.share_elements(a uuid[], b uuid[])
returns boolean
language plpgsql immutable strict
set search_path from current
as $function$
begin
    return exists (select unnest(a) intersect select unnest(b));
end
$function$;
comment on function gallery.share_elements(uuid[], uuid[]) is
    'Whether two arrays have an element in common; null if one of them is. Cost: that of sorting both.';

create or replace function gallery.all_elements_in(a uuid[], b uuid[])
returns boolean
language plpgsql immutable strict
set search_path from current
as $function$
begin
    return not exists (select unnest(a) except select unnest(b));
end
$function$;
comment on function gallery.all_elements_in(uuid[], uuid[]) is
    'Whether every element of a is one of b; null if one of the arrays is. Cost: that of sorting both.';
