-- Cursors of pages: a position in the page order, the direction of travel, and a fingerprint of the
-- filter and the sort that the cursor belongs to.

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
