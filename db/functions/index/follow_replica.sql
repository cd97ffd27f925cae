-- Changes that replication applies fire no statement triggers, and none at all that are not told to
-- fire there. These triggers are: row by row, and ENABLE REPLICA, so that they cost nothing where
-- rows are written by clients. They fire in the apply worker of a subscription, and in any session
-- with session_replication_role = replica.
--
-- Exactness: a row that is applied is logged in the transaction that applies it, as log_changes.sql logs what
-- statements change. An item's tags are applied one after the other: of those given to one item in
-- a row only the first leaves a row in the log, for the refresh reads all tags of an item anyway. The
-- item logged last is remembered in a setting that a transaction, and a savepoint, take back with
-- themselves.

create or replace function gallery.follow_replicated_tags()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
declare
    v_item text;
begin
    if tg_op <> 'INSERT' then
        insert into gallery.dirty_item (content_source, content_id, removed_tags)
        values (old.content_source, old.content_id, array[old.tag_id]);
    end if;
    if tg_op <> 'DELETE' then
        v_item := concat(new.content_id, new.content_source);
        if current_setting('pg_gallery.logged_item', true) is distinct from v_item then
            insert into gallery.dirty_item (content_source, content_id) values (new.content_source, new.content_id);
            perform set_config('pg_gallery.logged_item', v_item, true);
        end if;
    end if;
    return null;
end
$function$;
comment on function gallery.follow_replicated_tags() is 'Logs the item of a tag row that replication applied.';

create or replace function gallery.follow_replicated_items()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    if tg_op = 'UPDATE' and (old.source_type, old.id, old.creator_id, old.created_at, old.is_private)
                            is not distinct from (new.source_type, new.id, new.creator_id, new.created_at, new.is_private) then
        return null;                    -- nothing that is indexed
    end if;
    if tg_op <> 'INSERT' then
        insert into gallery.dirty_item (content_source, content_id, removed_creator)
        values (old.source_type, old.id, old.creator_id);
    end if;
    if tg_op <> 'DELETE' then
        insert into gallery.dirty_item (content_source, content_id) values (new.source_type, new.id);
    end if;
    return null;
end
$function$;
comment on function gallery.follow_replicated_items() is 'Logs an item that replication applied.';

create or replace function gallery.follow_replicated_tag()
returns trigger
language plpgsql security definer
set search_path from current
as $function$
begin
    if tg_op <> 'INSERT' then
        perform gallery.tags_changed(array[old.id]);
    end if;
    if tg_op <> 'DELETE' then
        perform gallery.tags_changed(array[new.id]);
    end if;
    return null;
end
$function$;
comment on function gallery.follow_replicated_tag() is 'Logs a tag that replication made, renamed or deleted.';

revoke execute on function
    gallery.follow_replicated_tags(), gallery.follow_replicated_items(), gallery.follow_replicated_tag()
from public;
