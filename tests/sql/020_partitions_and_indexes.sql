-- Two partitions by source, a unique index across them, and the indexes of the contract: no more.

begin;
select plan(17);

select is_partitioned('content_items_all');
select partitions_are('content_items_all', array['content_items', 'content_items_auto']);
select is(pg_get_partkeydef('content_items_all'::regclass), 'LIST (source_type)', 'by list of source_type');
select is(pg_get_expr(relpartbound, oid), bound, name || ' takes its source alone')
from (values ('content_items', 'FOR VALUES IN (''items'')'), ('content_items_auto', 'FOR VALUES IN (''auto'')'))
     p (name, bound)
join pg_class on oid = name::regclass;
select ok(
    exists (select from pg_constraint
            where conrelid = name::regclass and contype = 'c'
              and pg_get_constraintdef(oid) ~ format('source_type = ''%s''::text', source)),
    name || ' has a CHECK on its source')
from (values ('content_items', 'items'), ('content_items_auto', 'auto')) p (name, source);

-- Indexes, by what they are and not by their names

create function pg_temp.indexes_of(name text) returns setof text language sql as $$
    select regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \S+ ON (ONLY )?\S+ USING', '')
    from pg_index where indrelid = name::regclass
$$;

select set_eq(
    $$select * from pg_temp.indexes_of('content_items_all')$$,
    array['CREATE UNIQUE btree (id, source_type)'],
    'the parent has one index: (id, source_type), unique across the partitions');
select ok(indisvalid and indisunique, 'and it is valid: every partition''s is attached')
from pg_index where indrelid = 'content_items_all'::regclass;
select results_eq(
    $$select i.indrelid::regclass::text
      from pg_inherits h join pg_index i on i.indexrelid = h.inhrelid
      join pg_index p on p.indexrelid = h.inhparent and p.indrelid = 'content_items_all'::regclass
      order by 1$$,
    array['content_items', 'content_items_auto'],
    'each partition''s own index is attached to it');
select set_eq(
    format('select * from pg_temp.indexes_of(%L)', name),
    array['CREATE UNIQUE btree (id)',
          'CREATE UNIQUE btree (id, source_type)',
          'CREATE btree (created_at DESC, id DESC)',
          'CREATE btree (quality_score DESC NULLS LAST, id DESC)'],
    name || ' has its primary key, the unique index and the two sort indexes')
from unnest(array['content_items', 'content_items_auto']) name;
select set_eq(
    $$select * from pg_temp.indexes_of('content_tags')$$,
    array['CREATE UNIQUE btree (content_id, content_source, tag_id)',
          'CREATE btree (tag_id, content_source, content_id)'],
    'the junction has its primary key and the way back: no (content_id, content_source)');
select is_empty(
    $$select indexrelid::regclass from pg_index
      where not indisvalid or not indisready$$,
    'every index is valid');

-- The unique index does its work

insert into content_items_all (id, content_type, source_type) values (7, 'image', 'items'), (7, 'image', 'auto');
select is(count(*), 2::bigint, 'the same id may stand in both partitions') from content_items_all where id = 7;
select throws_ok(
    format($$insert into content_items_all (id, content_type, source_type) values (7, 'image', %L)$$, source),
    '23505', null, 'and only once in ' || source)
from unnest(array['items', 'auto']) source;

select * from finish();
rollback;
