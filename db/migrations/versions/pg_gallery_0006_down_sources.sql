-- Takes away what gallery_add_source() made, items included: before 0006 there were two sources.

do $drop_other_sources$
declare
    v_source record;
begin
    drop function if exists gallery.indexed_tables(), gallery.item_tables();  -- they hang on the partitions
    for v_source in
        select s.source_type, s.table_name, s.table_name || '_more' as sidecar_name
        from gallery.source s where s.source_type not in ('items', 'auto')
    loop
        delete from content_items_all i where i.source_type = v_source.source_type;
        delete from tag_cardinality_stats t where t.content_source = v_source.source_type;
        execute format('drop table %I', v_source.sidecar_name);
        execute format('alter table content_items_all detach partition %I', v_source.table_name);
        execute format('drop table %I', v_source.table_name);
    end loop;
end
$drop_other_sources$;
alter table content_items_all drop constraint content_items_all_source_type_known;
alter table content_items_all
    add constraint content_items_all_source_type_known check (source_type in ('items', 'auto'));
