-- The page order and places in it: sort arguments, scans, positions, page cursors.

create or replace function gallery.make_scan(sort_field text, sort_order text)
returns gallery.scan
language plpgsql immutable
set search_path from current
as $function$
declare
    s gallery.scan;
begin
    if sort_field not in ('created_at', 'quality_score') then
        perform gallery.raise_error('TG004', format('unknown sort_field %L', left(sort_field, 60)),
            'Known are created_at and quality_score.');
    end if;
    if sort_order not in ('desc', 'asc') then
        perform gallery.raise_error('TG004', format('unknown sort_order %L', left(sort_order, 60)),
            'Known are desc and asc.');
    end if;
    s.by_quality  := coalesce(sort_field = 'quality_score', false);
    s.descending  := coalesce(sort_order = 'desc', true);
    s.backward    := false;
    return s;
end
$function$;
comment on function gallery.make_scan(text, text) is
    'A scan from the start in the order asked for. Errors: TG004.';

create or replace function gallery.check_page_size(page_size int)
returns int
language plpgsql immutable
set search_path from current
as $function$
begin
    if page_size not between 1 and 500 then
        perform gallery.raise_error('TG004', format('page_size is %s', page_size), 'Give a page_size from 1 to 500.');
    end if;
    return coalesce(page_size, 25);
end
$function$;
comment on function gallery.check_page_size(int) is
    'The page size asked for, 25 where none is. Errors: TG004.';

create or replace function gallery.reverse_scan(s gallery.scan)
returns gallery.scan
language plpgsql immutable
set search_path from current
as $function$
begin
    s.descending := not s.descending;
    s.backward   := not s.backward;
    return s;
end
$function$;
comment on function gallery.reverse_scan(gallery.scan) is
    'The same scan in the other direction of travel.';

create or replace function gallery.in_page_order(places gallery.position[], s gallery.scan)
returns gallery.position[]
language plpgsql immutable
set search_path from current
as $function$
begin
    if s.descending then
        return array(select p from unnest(places) p order by p desc limit s.wanted);
    else
        return array(select p from unnest(places) p order by p limit s.wanted);
    end if;
end
$function$;
comment on function gallery.in_page_order(gallery.position[], gallery.scan) is
    'The first wanted of some positions, in the direction of travel.';

create or replace function gallery.last_of(places gallery.position[], s gallery.scan)
returns gallery.position
language plpgsql immutable
set search_path from current
as $function$
begin
    return (select p from unnest(places) p
            order by case when s.descending then p end, case when not s.descending then p end desc
            limit 1);
end
$function$;
comment on function gallery.last_of(gallery.position[], gallery.scan) is
    'The last of some positions, in the direction of travel.';
