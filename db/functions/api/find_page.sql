-- Finds a page: the strategy gives its places; one more than asked tells whether anything follows,
-- one probe tells whether anything precedes.

create or replace function gallery.precedes_any(f gallery.filter, s gallery.scan, first gallery.position, choice gallery.choice)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    if s.after is null then
        return false;
    end if;
    if gallery.is_match(f, s, s.after) then     -- the item that the cursor was made from: the usual case
        return true;
    end if;
    s := gallery.reverse_scan(s);
    s.after := first;
    s.wanted := 1;
    return cardinality((gallery.run_plan(choice, f, s)).places) > 0;
end
$function$;
comment on function gallery.precedes_any(gallery.filter, gallery.scan, gallery.position, gallery.choice) is
    'Whether anything matches on the side from which a scan reached its first row.';

create or replace function gallery.find_page(f gallery.filter, s gallery.scan, page_size int, choice gallery.choice, fingerprint text)
returns gallery.page
language plpgsql stable
set search_path from current
as $function$
declare
    v_page   gallery.page;
    v_ahead  boolean;
    v_behind boolean;
begin
    s.wanted := page_size::bigint + 1;
    v_page.places := (gallery.run_plan(choice, f, s)).places;
    v_ahead := cardinality(v_page.places) > page_size;
    v_page.places := v_page.places[:page_size];
    if v_page.places = '{}' then
        return v_page;
    end if;
    v_behind := gallery.precedes_any(f, s, v_page.places[1], choice);
    if s.backward then
        v_page.places := gallery.in_page_order(v_page.places, gallery.reverse_scan(s));
    end if;
    if (case when s.backward then v_behind else v_ahead end) then
        v_page.next_cursor := gallery.page_cursor(v_page.places[cardinality(v_page.places)], true, fingerprint);
    end if;
    if (case when s.backward then v_ahead else v_behind end) then
        v_page.prev_cursor := gallery.page_cursor(v_page.places[1], false, fingerprint);
    end if;
    return v_page;
end
$function$;
comment on function gallery.find_page(gallery.filter, gallery.scan, int, gallery.choice, text) is
    'The places of the page that a scan leads to, and its two cursors, each null exactly where nothing matches any more that way.';
