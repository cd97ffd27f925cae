-- The triggers that log changed items, in the transaction that changes them. They fire once a
-- statement and write one row an item. They run as the owner, so that whoever may change the
-- tables needs no grant on the log.
--
-- Exactness: a statement that changes anything the index holds of an item (its tags, its place,
-- its creator, whether it is private, whether it exists) appends a row for the item. What it took
-- away goes with the row: the tags and creators that an item had when it was last indexed are
-- among those it has now and those its rows name.

create or replace function gallery.log_tags_inserted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id)
    select distinct n.content_source, n.content_id from new_rows n;
    return null;
end
$function$;
comment on function gallery.log_tags_inserted() is 'Logs the items that a statement gave tags.';

create or replace function gallery.log_tags_deleted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id, removed_tags)
    select o.content_source, o.content_id, array_agg(o.tag_id) from old_rows o group by 1, 2;
    return null;
end
$function$;
comment on function gallery.log_tags_deleted() is 'Logs the items that a statement took tags from.';

create or replace function gallery.log_tags_updated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id, removed_tags)
    select o.content_source, o.content_id, array_agg(o.tag_id) from old_rows o group by 1, 2
    union all
    select distinct n.content_source, n.content_id, null::uuid[] from new_rows n;
    return null;
end
$function$;
comment on function gallery.log_tags_updated() is 'Logs the items whose tag rows a statement changed.';

create or replace function gallery.log_items_inserted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id)
    select n.source_type, n.id from new_rows n;
    return null;
end
$function$;
comment on function gallery.log_items_inserted() is 'Logs the items that a statement inserted.';

create or replace function gallery.log_items_deleted()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id, removed_creator)
    select o.source_type, o.id, o.creator_id from old_rows o;
    return null;
end
$function$;
comment on function gallery.log_items_deleted() is 'Logs the items that a statement deleted.';

-- A statement trigger with transition tables takes no column list: rows in which nothing indexed
-- changed are left out here.
create or replace function gallery.log_items_updated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id, removed_creator)
    (select o.source_type, o.id, o.creator_id
     from (select o.source_type, o.id, o.creator_id, o.created_at, o.is_private from old_rows o
           except
           select n.source_type, n.id, n.creator_id, n.created_at, n.is_private from new_rows n) o
     union all
     select n.source_type, n.id, null
     from (select n.source_type, n.id, n.creator_id, n.created_at, n.is_private from new_rows n
           except
           select o.source_type, o.id, o.creator_id, o.created_at, o.is_private from old_rows o) n);
    return null;
end
$function$;
comment on function gallery.log_items_updated() is 'Logs the items in which a statement changed something that is indexed.';

create or replace function gallery.log_truncated()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    insert into gallery.dirty_item (content_source, content_id) values (null, null);
    return null;
end
$function$;
comment on function gallery.log_truncated() is 'Logs that everything changed.';

revoke execute on function
    gallery.log_tags_inserted(), gallery.log_tags_deleted(), gallery.log_tags_updated(),
    gallery.log_items_inserted(), gallery.log_items_deleted(), gallery.log_items_updated(),
    gallery.log_truncated()
from public;
