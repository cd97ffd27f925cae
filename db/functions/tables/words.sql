-- Words, looked for in title and prompt together, with a separator between them that no word may hold: one
-- LIKE ALL instead of two searches a word, and without a subquery, for which PostgreSQL would not go
-- through a table in parallel.

create or replace function gallery.word_separator()
returns text
language sql immutable parallel safe
return E'\x01';
comment on function gallery.word_separator() is 'What stands between title and prompt where words are looked for in both at once.';

create or replace function gallery.word_patterns(terms text[])
returns text[]
language plpgsql immutable
set search_path from current
as $function$
begin
    if strpos(array_to_string(terms, ''), gallery.word_separator()) > 0 then
        return null;
    end if;
    return array(select '%' || regexp_replace(t, E'([\\\\%_])', E'\\\\\\1', 'g') || '%' from unnest(terms) t);
end
$function$;
comment on function gallery.word_patterns(text[]) is 'The LIKE patterns of texts that hold these words; null where they can''t be looked for in title and prompt at once, for one holds the separator.';
