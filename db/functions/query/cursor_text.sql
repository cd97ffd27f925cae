-- Cursors as text: base64url of a compact JSON object with a version and a checksum. A cursor is
-- accepted only if encoding what it holds gives that very text again, so any change to it is seen.

create or replace function gallery.cursor_seal(body text)
returns text
language plpgsql immutable
set search_path from current
as $function$
begin
    return translate(
        encode(convert_to('{' || body || ',"x":"' || left(md5(body), 8) || '"}', 'UTF8'), 'base64'),
        E'+/=\n', '-_');
end
$function$;
comment on function gallery.cursor_seal(text) is
    'The cursor of the members of a JSON object, in the order of their keys: "v":1 is one of them.';

create or replace function gallery.cursor_encode(payload jsonb)
returns text
language plpgsql immutable
set search_path from current
as $function$
begin
    return gallery.cursor_seal((
        select string_agg(to_json(e.key)::text || ':' || e.value::text, ',' order by e.key collate "C")
        from jsonb_each(payload || '{"v": 1}') e));
end
$function$;
comment on function gallery.cursor_encode(jsonb) is
    'The cursor that carries a flat JSON object. The keys v (version) and x (checksum) are the cursor''s own.';

create or replace function gallery.cursor_decode(cursor text)
returns jsonb
language plpgsql immutable
set search_path from current
as $function$
declare
    v_payload jsonb;
begin
    if length(cursor) <= 1000 and cursor ~ '^[A-Za-z0-9_-]+$' then
        begin
            v_payload := convert_from(
                decode(rpad(translate(cursor, '-_', '+/'), (length(cursor) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb
                - 'x';
        exception when data_exception or syntax_error_or_access_rule_violation then
            v_payload := null;          -- not base64, not UTF-8, or not JSON
        end;
    end if;
    if jsonb_typeof(v_payload) is distinct from 'object' or gallery.cursor_encode(v_payload) is distinct from cursor then
        perform gallery.raise_error('TG001', 'this is not a cursor of pg_gallery, or it was changed on its way',
            'Give a next_cursor or prev_cursor as it was received, or leave it out to start at the first page.');
    end if;
    return v_payload;
end
$function$;
comment on function gallery.cursor_decode(text) is
    'The JSON object that a cursor carries. Errors: TG001, at once for anything longer than 1000 characters.';
