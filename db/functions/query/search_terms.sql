-- Cuts a search text into what must occur: words, and "quoted phrases" as they stand.

create or replace function gallery.search_terms(search text)
returns text[]
language plpgsql immutable
set search_path from current
as $function$
declare
    v_pieces text[] := string_to_array(lower(search), '"');
    v_last   int    := cardinality(v_pieces);
begin
    if v_last % 2 = 0 then              -- the last quote has no partner: it is a character
        v_pieces := v_pieces[:v_last - 2] || (v_pieces[v_last - 1] || '"' || v_pieces[v_last]);
    end if;
    return (
        select array_agg(t.term order by length(t.term) desc, t.term collate "C")
        from (
            select distinct w.term
            from unnest(v_pieces) with ordinality p (piece, n)
            cross join lateral unnest(case when p.n % 2 = 1
                                           then regexp_split_to_array(p.piece, E'\\s+')
                                           else array[p.piece] end) w (term)
            where w.term <> ''
        ) t
    );
end
$function$;
comment on function gallery.search_terms(text) is
    'The distinct words and quoted phrases of a search text in lower case, longest first (the likeliest to fail); null where there are none. A last unpaired quote is a literal character.';
