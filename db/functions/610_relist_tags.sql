-- What the triggers that keep gallery.tag_listing run. The revision that makes the triggers applies
-- this file before them. They run as the owner, so that whoever may change tags needs no grant on
-- the listing.

create or replace function gallery.relist_counts_inserted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array(select distinct n.tag_id from new_rows n));
    return null;
end
$function$;
comment on function gallery.relist_counts_inserted() is 'Lists the tags that a statement gave counts.';

create or replace function gallery.relist_counts_deleted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array(select distinct o.tag_id from old_rows o));
    return null;
end
$function$;
comment on function gallery.relist_counts_deleted() is 'Lists anew the tags that a statement took counts from.';

create or replace function gallery.relist_counts_updated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array(
        select coalesce(n.tag_id, o.tag_id)
        from new_rows n
        full join old_rows o on o.tag_id = n.tag_id and o.content_source = n.content_source
        where n.cardinality is distinct from o.cardinality
        group by 1));
    return null;
end
$function$;
comment on function gallery.relist_counts_updated() is
    'Lists anew the tags whose counts a statement changed; a row that it only confirmed (updated_at) changes nothing.';

create or replace function gallery.relist_tag_renamed()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array[old.id, new.id]);
    return null;
end
$function$;
comment on function gallery.relist_tag_renamed() is 'Lists a tag under its new name.';

-- A tag may come back with the id that it had: its counts, never changed meanwhile, say nothing.
create or replace function gallery.relist_tags_inserted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array(
        select n.id from new_rows n
        where exists (select from @schema@.tag_cardinality_stats s where s.tag_id = n.id)));
    return null;
end
$function$;
comment on function gallery.relist_tags_inserted() is 'Lists new tags that have counts already.';

create or replace function gallery.relist_tags_deleted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.list_tags(array(select o.id from old_rows o));
    return null;
end
$function$;
comment on function gallery.relist_tags_deleted() is 'Takes deleted tags off the listing.';

create or replace function gallery.relist_truncated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    delete from gallery.tag_listing;
    return null;
end
$function$;
comment on function gallery.relist_truncated() is 'Empties the listing.';

revoke execute on function
    gallery.relist_counts_inserted(), gallery.relist_counts_deleted(), gallery.relist_counts_updated(),
    gallery.relist_tag_renamed(), gallery.relist_tags_inserted(), gallery.relist_tags_deleted(), gallery.relist_truncated()
from public;
