-- What can't happen. An index that is damaged, by a disk, by a hand or by a fault of ours, must not make
-- every refresh fail for ever: the refresh that meets it marks the index, readers take the tables from
-- then on, so pages stay exact, and a rebuild of the blocks concerned, or of all, takes the mark away.

create or replace function gallery.blocks_of_dirty_items()
returns int[]
language plpgsql stable
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set jit = 'off'
as $function$
begin
    return array(
        with item as materialized (
            select distinct d.content_source, d.content_id from gallery.dirty_item d
        )
        select b.block_no
        from item d
        cross join lateral (select a.block_no from gallery.bitmap_item a
                            where a.content_id = d.content_id and a.content_source = d.content_source offset 0) b
        union
        select b.block_no
        from item d
        cross join lateral (select a.created_at from @schema@.content_items_all a
                            where a.id = d.content_id and a.source_type = d.content_source offset 0) i
        cross join lateral (select a.block_no from gallery.bitmap_block a
                            where (a.lower_at, a.lower_id, a.lower_source) <= (i.created_at, d.content_id, d.content_source collate "C")
                            order by a.lower_at desc, a.lower_id desc, a.lower_source desc limit 1) b
        order by 1);
end
$function$;
comment on function gallery.blocks_of_dirty_items() is
    'The blocks in which items stand that are in the log, or into which they belong: those that a refresh works on.';

create or replace function gallery.mark_damaged(what text)
returns void
language plpgsql
set search_path from current
as $function$
begin
    update gallery.bitmap_state set damage = what, damaged_blocks = gallery.blocks_of_dirty_items();
end
$function$;
comment on function gallery.mark_damaged(text) is
    'Notes what a refresh found to be wrong with the index: it is not used from here on, until it is rebuilt.';
revoke execute on function gallery.mark_damaged(text) from public;

create or replace function gallery.damage_remedy()
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return (select format('call %I.gallery_rebuild(%s);', gallery.home_schema(),
                          case when cardinality(s.damaged_blocks) between 1 and 100 then quote_literal(s.damaged_blocks) else '' end)
            from gallery.bitmap_state s);
end
$function$;
comment on function gallery.damage_remedy() is 'What to run where the index is marked as damaged: the rebuild of the blocks concerned, or where they are not known, or many, of all.';

-- What has no block is of no use to anybody, and might be read: it goes first.
create or replace function gallery.remove_orphans()
returns void
language plpgsql
set search_path from current
set enable_nestloop = 'off' set enable_mergejoin = 'off' set jit = 'off'
as $function$
begin
    delete from gallery.bitmap_container k where not exists (select from gallery.bitmap_block b where b.block_no = k.block_no);
    delete from gallery.bitmap_slot z where not exists (select from gallery.bitmap_block b where b.block_no = z.block_no);
    delete from gallery.bitmap_item t where not exists (select from gallery.bitmap_block b where b.block_no = t.block_no);
end
$function$;
comment on function gallery.remove_orphans() is 'Removes containers and slots of blocks that are not there.';
revoke execute on function gallery.remove_orphans() from public;

create or replace function gallery.rebuild_blocks(block_nos int[])
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_block_no int;
    v_unknown  int := (select n from unnest(block_nos) n
                       where not exists (select from gallery.bitmap_block b where b.block_no = n) limit 1);
begin
    if (select s.built is not true from gallery.bitmap_state s) then
        perform gallery.raise_error('TG006', 'the bitmap index is not built, so no block of it can be rebuilt',
            'Run CALL gallery_rebuild().');
    end if;
    if v_unknown is not null or array_position(block_nos, null) is not null then
        perform gallery.raise_error('TG004', format('the bitmap index has no block %s', coalesce(v_unknown::text, 'NULL')),
            'gallery_health() and gallery_verify() name blocks; CALL gallery_rebuild() rebuilds all of them.');
    end if;
    perform gallery.remove_orphans();
    for v_block_no in select distinct n from unnest(block_nos) n order by n desc loop
        delete from gallery.bitmap_item t where t.block_no = v_block_no;        -- also what no slot leads to,
        delete from gallery.bitmap_container k where k.block_no = v_block_no;   -- and what may be too damaged to be counted
        perform gallery.rebuild_block(v_block_no);
    end loop;
    perform gallery.count_all_tags();
    update gallery.bitmap_state set damage = null, damaged_blocks = null;
end
$function$;
comment on function gallery.rebuild_blocks(int[]) is
    'Builds some blocks anew from the tables, in one transaction, and takes the mark of damage away. Cost: about a second a block, and a read of all containers.';
revoke execute on function gallery.rebuild_blocks(int[]) from public;
