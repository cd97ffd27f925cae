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

create or replace function gallery.fingerprint(f gallery.filter, s gallery.scan)
returns text
language plpgsql immutable
set search_path from current
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
as $function$
begin
    return left(md5(concat_ws('|', f::text, s.by_quality, s.descending <> s.backward)), 16);
end
$function$;
comment on function gallery.fingerprint(gallery.filter, gallery.scan) is
    'What a cursor is bound to: the canonical filter and the sort, whichever way it is read.';

create or replace function gallery.page_cursor(place gallery.position, forward boolean, fingerprint text)
returns text
language plpgsql immutable
set search_path from current
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
as $function$
begin
    return gallery.cursor_seal(concat(      -- what needs no escaping, without the way through jsonb
        '"d":"', case when forward then 'n' else 'p' end,
        '","f":"', fingerprint,
        '","i":', place.id,
        ',"q":"' || place.quality || '"',
        ',"s":', to_json(place.source),
        ',"t":"' || place.created_at || '"',
        ',"v":1'));
end
$function$;
comment on function gallery.page_cursor(gallery.position, boolean, text) is
    'The cursor of the page after (forward) or before a position.';

create or replace function gallery.open_cursor(cursor text, s gallery.scan, fingerprint text)
returns gallery.scan
language plpgsql immutable
set search_path from current
set timezone = 'UTC'
set datestyle = 'ISO'
as $function$
declare
    v_payload jsonb := gallery.cursor_decode(cursor);
    v_quality double precision;
begin
    if v_payload ->> 'f' is distinct from fingerprint then
        perform gallery.raise_error('TG002', 'this cursor was made for another filter or sort',
            'Start again without a cursor, or repeat the filter and sort that it came from.');
    end if;
    begin
        v_quality := (v_payload ->> 'q')::double precision;
        s.after := row(s.by_quality and (v_quality is null) = (s.descending = s.backward),
                       (v_payload ->> 't')::timestamptz, v_quality,
                       (v_payload ->> 'i')::bigint, v_payload ->> 's')::gallery.position;
    exception when data_exception then
        s.after := null;
    end;
    if (s.after).id is null or (s.after).source is null or (not s.by_quality and (s.after).created_at is null) then
        perform gallery.raise_error('TG001', 'this cursor holds no position',
            'Give a next_cursor or prev_cursor as it was received, or leave it out to start at the first page.');
    end if;
    if v_payload ->> 'd' = 'p' then
        s := gallery.reverse_scan(s);
    end if;
    return s;
end
$function$;
comment on function gallery.open_cursor(text, gallery.scan, text) is
    'The scan that a page cursor continues. Errors: TG001, TG002.';

-- Positions compare as rows, upwards or downwards with the direction of travel. A missing quality
-- needs care: it is last going forward and first going back, in either sort order, so it gets the
-- segment that the comparison puts there. Reversing a scan changes both of its flags and leaves
-- every segment as it was: a position means the same both ways.
create or replace function gallery.position_sql()
returns text
language sql immutable
return $columns$
        s.by_quality and (i.quality_score is null) = (s.descending = s.backward),
        case when not s.by_quality then i.created_at end,
        case when s.by_quality then i.quality_score end,
        i.id,
        i.source_type$columns$;
comment on function gallery.position_sql() is
    'The columns of the position of item i in scan s, as text to paste into a strategy (see 120_filter_match.sql).';

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
