-- What the triggers run that keep gallery.tag_listing (see tag_listing.sql): those of
-- tag_cardinality_stats list tags anew, those of tags log them. The revision that makes the triggers
-- applies this file before them. They run as the owner, so that whoever may change tags needs no
-- grant on the listing or its log.

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

create or replace function gallery.tags_changed(tag_ids uuid[])
returns void
language plpgsql
set search_path from current
as $function$
begin
    if to_regclass('gallery.dirty_tag') is null then            -- before revision 0005
        perform gallery.list_tags(case when array_position(tag_ids, null) is null then tag_ids end);
    else
        insert into gallery.dirty_tag (tag_id) select u.tag_id from unnest(tag_ids) u (tag_id);
    end if;
end
$function$;
comment on function gallery.tags_changed(uuid[]) is 'Logs tags that are to be listed anew; null among them: all.';
revoke execute on function gallery.tags_changed(uuid[]) from public;

create or replace function gallery.relist_tag_renamed()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.tags_changed(array[old.id, new.id]);
    return null;
end
$function$;
comment on function gallery.relist_tag_renamed() is 'Logs a tag that was renamed, to be listed anew.';

-- A tag may come back with the id that it had, and counts: perhaps of a refresh that has not committed
-- yet, which has taken note that the old one is gone. So whether it has any can't be told here.
create or replace function gallery.relist_tags_inserted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.tags_changed(array(select n.id from new_rows n));
    return null;
end
$function$;
comment on function gallery.relist_tags_inserted() is 'Logs new tags, to be listed anew.';

create or replace function gallery.relist_tags_deleted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.tags_changed(array(select o.id from old_rows o));
    return null;
end
$function$;
comment on function gallery.relist_tags_deleted() is 'Logs deleted tags, to be taken off the listing.';

create or replace function gallery.relist_truncated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    perform gallery.tags_changed(array[null::uuid]);
    return null;
end
$function$;
comment on function gallery.relist_truncated() is 'Logs that all tags are to be listed anew.';

revoke execute on function
    gallery.relist_counts_inserted(), gallery.relist_counts_deleted(), gallery.relist_counts_updated(),
    gallery.relist_tag_renamed(), gallery.relist_tags_inserted(), gallery.relist_tags_deleted(), gallery.relist_truncated()
from public;
