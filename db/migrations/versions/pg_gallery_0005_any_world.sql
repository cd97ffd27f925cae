-- What the gallery needs in a world that it did not make: counts and a log that no other role writes,
-- triggers for changes that replication applies, an index that knows when it can't be trusted.

comment on schema gallery is 'The private objects of pg_gallery: call the functions gallery_... instead.';

-- An item's source is kept in the index by its first letter, and filters know two of them. A third
-- partition's items could not be told from those of content_items_auto.

do $known_sources$
declare
    v_odd text := (select i.source_type from content_items_all i where i.source_type not in ('items', 'auto') limit 1);
begin
    if v_odd is not null then
        raise exception 'content_items_all holds items of the source %, which pg_gallery does not know', quote_literal(v_odd)
            using errcode = 'check_violation',
                  hint = 'Detach that partition (ALTER TABLE content_items_all DETACH PARTITION ...) and migrate again.';
    end if;
end
$known_sources$;
alter table content_items_all
    add constraint content_items_all_source_type_known check (source_type in ('items', 'auto'));

-- How many items carry each tag, by the index alone: what facets and statistics start from. Beside
-- tag_cardinality_stats, which is public, and which others may change.

create table gallery.tag_count (
    tag_id          uuid primary key,
    in_items        bigint not null,
    in_all          bigint not null
);
comment on table gallery.tag_count is
    'How many items carry a tag, by the containers of the bitmap index: a row a tag that any carries. Written with the containers, in the same transaction.';
comment on column gallery.tag_count.in_items is 'How many items of the source type items.';
comment on column gallery.tag_count.in_all is 'How many items of all sources.';
create index tag_count_order_idx on gallery.tag_count ((-in_all), tag_id) include (in_all);

insert into gallery.tag_count
select k.key, sum(k.in_items), sum(k.cardinality) from gallery.bitmap_container k where k.kind = 0 group by k.key;

create table gallery.dirty_tag (
    tag_id          uuid
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
comment on table gallery.dirty_tag is
    'Append-only log: a tag was made, renamed or deleted, in the transaction that did it, and is not listed anew yet. A row without a tag means: all of them.';

-- What follows from the triggers of 0002 is written by the refresh alone from here on; what they
-- would have written meanwhile is listed anew.
insert into gallery.dirty_tag select null where exists (select from gallery.tag_listing);

-- An index that can't be trusted says so.

alter table gallery.bitmap_state
    add column damage text,
    add column damaged_blocks int[],
    add column filenodes oid[];
comment on column gallery.bitmap_state.damage is
    'What a refresh found to be wrong with the index; until it is rebuilt, pages come from the tables. Null: nothing.';
comment on column gallery.bitmap_state.damaged_blocks is 'The blocks in which it may be wrong.';
comment on column gallery.bitmap_state.filenodes is
    'The files of content_items, content_items_auto and content_tags when the index was built. Others mean that a table was rewritten, which fires no trigger.';

-- Whoever writes while the triggers of 0003 are made may be in neither log nor index.
update gallery.bitmap_state s
set built = s.built and not exists (
        select from content_items_all i
        where not exists (select from gallery.bitmap_item b where b.content_id = i.id and b.content_source = i.source_type)
          and not exists (select from gallery.dirty_item d where d.content_id = i.id and d.content_source = i.source_type)
          and not exists (select from gallery.dirty_item d where d.content_id is null)),
    filenodes = array[pg_relation_filenode('content_items'), pg_relation_filenode('content_items_auto'),
                      pg_relation_filenode('content_tags')];

-- A publication of all tables wants to know how a changed row is told from others.

alter table gallery.dirty_item replica identity full;
alter table gallery.dirty_tag replica identity full;
alter table gallery.installed replica identity full;

-- Who may read the index may read what is new of it; the listing holds names, and is no longer everybody's.

do $grants$
declare
    v_role text;
begin
    for v_role in
        select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
        from pg_class c cross join lateral aclexplode(c.relacl) a
        where c.oid = 'gallery.bitmap_container'::regclass and a.privilege_type = 'SELECT' and a.grantee <> c.relowner
    loop
        execute 'grant select on gallery.tag_count, gallery.dirty_tag to ' || v_role;
    end loop;
end
$grants$;
revoke select on gallery.tag_listing from public;
