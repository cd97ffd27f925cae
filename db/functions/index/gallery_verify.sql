-- gallery_verify: what in the derived data disagrees with the tables. A reader like the others: what
-- it compares is of one snapshot, so it may run while others write, and dirty items are left out.

create or replace function gallery.verify_items()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('item %s of %s', coalesce(i.id, b.content_id), coalesce(i.source_type, b.content_source)),
           case when i.id is null then 'it is indexed, and not in the tables'
                when b.content_id is null then 'it is not indexed, and not dirty either'
                else 'it is indexed at another place than it has' end
    from (select i.id, i.source_type, i.created_at from @schema@.content_items_all i) i
    full join (select b.content_id, b.content_source, z.created_ats[b.slot % gallery.chunk_capacity() + 1] as created_at,
                      z.ids[b.slot % gallery.chunk_capacity() + 1] as id
               from gallery.bitmap_item b
               left join gallery.bitmap_slot z on z.block_no = b.block_no and z.chunk = b.slot / gallery.chunk_capacity()) b
      on b.content_id = i.id and b.content_source = i.source_type
    where (i.id is null or b.content_id is null or b.created_at is distinct from i.created_at or b.id is distinct from i.id)
      and not exists (select from gallery.dirty_item d
                      where d.content_id = coalesce(i.id, b.content_id)
                        and d.content_source = coalesce(i.source_type, b.content_source));
end
$function$;
comment on function gallery.verify_items() is
    'Which clean items are not indexed where they stand, and which are that should not be.';

create or replace function gallery.verify_stats()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('statistics of tag %s in %s', coalesce(s.tag_id, c.tag_id), coalesce(s.content_source, c.scope)),
           format('they say %s, the index holds %s', coalesce(s.cardinality, 0), coalesce(c.item_count, 0))
    from @schema@.tag_cardinality_stats s
    full join (select t.tag_id, t.scope, t.item_count from gallery.tag_count t where t.scope <> '') c
      on c.tag_id = s.tag_id and c.scope = s.content_source
    where s.cardinality is distinct from c.item_count;
end
$function$;
comment on function gallery.verify_stats() is
    'Which statistics are not what gallery.tag_count holds; where an item is dirty, both lag behind the tables together.';

create or replace function gallery.verify_counts()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('count of tag %s in %s', coalesce(t.tag_id, c.tag_id), coalesce(nullif(coalesce(t.scope, c.scope), ''), 'all sources')),
           format('it says %s, the containers hold %s', coalesce(t.item_count, 0), coalesce(c.item_count, 0))
    from gallery.tag_count t
    full join gallery.count_containers() c on c.tag_id = t.tag_id and c.scope = t.scope
    where t.item_count is distinct from c.item_count;
end
$function$;
comment on function gallery.verify_counts() is
    'Which counts in gallery.tag_count are not those of the containers.';

create or replace function gallery.verify_blocks()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set enable_nestloop = 'off' set jit = 'off'
as $function$
begin
    return query
    select format('block %s', o.block_no), format('there is no such block, and %s', o.what)
    from (select k.block_no, 'containers of it' as what from gallery.bitmap_container k
          union select z.block_no, 'slots of it' from gallery.bitmap_slot z
          union select i.block_no, 'items that stand in it' from gallery.bitmap_item i) o
    where not exists (select from gallery.bitmap_block b where b.block_no = o.block_no);

    return query
    select format('block %s, chunk %s', z.block_no, z.chunk), 'its lower bound is not the place of its first slot'
    from gallery.bitmap_slot z
    where (z.lower_at, z.lower_id, z.lower_source) is distinct from (z.created_ats[1], z.ids[1], gallery.source_of(z.sources[1]));
end
$function$;
comment on function gallery.verify_blocks() is
    'Which parts of the index belong to no block, or are not where they say.';

create or replace function @schema@.gallery_verify(sample double precision default 1)
returns table (object text, detail text)
language plpgsql stable
set search_path from current
as $function$
declare
    v_block int;
begin
    if sample is null or not sample between 0 and 1 then
        perform gallery.raise_error('TG004', format('sample is %s', coalesce(sample::text, 'NULL')),
            'Give the share of the blocks to compare: 1 for all, 0.01 for a quick look.');
    end if;
    perform gallery.refuse_hidden_rows();
    return query select * from gallery.verify_tag_listing();
    if (select s.built is not true or s.filenodes is distinct from gallery.table_files() from gallery.bitmap_state s)
       or exists (select from gallery.dirty_item d where d.content_id is null) then
        return;                         -- nothing else derived is in use
    end if;
    return query select * from gallery.verify_blocks();
    return query select * from gallery.verify_counts();
    return query select * from gallery.verify_stats();
    return query select * from gallery.verify_items();
    for v_block in select b.block_no from gallery.bitmap_block b order by b.block_no desc loop
        if random() < sample then
            return query select * from gallery.verify_block(v_block);
        end if;
    end loop;
end
$function$;
comment on function @schema@.gallery_verify(double precision) is
    'What in the bitmap index and the statistics disagrees with the tables: no rows, or it is a bug. sample: the share of the blocks whose bits are compared (the cheap comparisons are always whole). Reads only, in one snapshot, so it may run while others write. Cost: the tag rows of the blocks compared, about two seconds a block. Errors: TG004 if sample is out of its range, TG006 if row level security hides rows from the one who calls, for these would seem to be missing.';
