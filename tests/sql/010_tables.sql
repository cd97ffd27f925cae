-- The tables are those of the contract: columns, types, defaults, keys.

begin;
select plan(44);

select tables_are('public', array[
    'users', 'tags', 'content_items_all', 'content_items', 'content_items_auto', 'content_tags',
    'content_items_more', 'content_items_auto_more', 'tag_cardinality_stats', 'pg_gallery_version']);
select has_schema('gallery');

-- Columns, with what they are

create function pg_temp.columns_of(name text) returns table (col name, type text, not_null boolean)
language sql as $$
    select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
    where attrelid = name::regclass and attnum > 0 and not attisdropped
$$;

select results_eq(
    $$select * from pg_temp.columns_of('content_items_all') order by 1$$,
    $$values ('content_data'::name, 'text', false),
             ('content_type', 'text', true),
             ('created_at', 'timestamp with time zone', true),
             ('creator_id', 'uuid', false),
             ('id', 'bigint', true),
             ('is_private', 'boolean', true),
             ('item_metadata', 'jsonb', true),
             ('path_thumb', 'text', false),
             ('path_thumbs_alt_res', 'jsonb', false),
             ('prompt', 'text', false),
             ('quality_score', 'double precision', false),
             ('source_type', 'text', true),
             ('title', 'text', false),
             ('updated_at', 'timestamp with time zone', true)$$,
    'content_items_all has the columns of the contract');
select set_eq(
    $$select * from pg_temp.columns_of('content_items')$$,
    $$select * from pg_temp.columns_of('content_items_all')$$, 'and content_items the same');
select set_eq(
    $$select * from pg_temp.columns_of('content_items_auto')$$,
    $$select * from pg_temp.columns_of('content_items_all')$$, 'and content_items_auto the same');
select set_eq(
    $$select * from pg_temp.columns_of('content_tags')$$,
    $$values ('content_id'::name, 'bigint', true), ('content_source', 'text', true), ('tag_id', 'uuid', true)$$,
    'content_tags has the columns of the contract');
select set_eq(
    $$select * from pg_temp.columns_of('tags')$$,
    $$values ('id'::name, 'uuid', true), ('name', 'text', true), ('tag_metadata', 'jsonb', true),
             ('created_at', 'timestamp with time zone', true), ('updated_at', 'timestamp with time zone', true)$$,
    'tags has the columns of the contract');
select set_eq(
    $$select * from pg_temp.columns_of('users')$$,
    $$values ('id'::name, 'uuid', true), ('username', 'text', true)$$,
    'users has the columns of the contract');
select set_eq(
    $$select * from pg_temp.columns_of('content_items_more')$$,
    $$values ('source_table'::name, 'text', true), ('source_id', 'bigint', true), ('metadata_more', 'jsonb', true)$$,
    'content_items_more has the columns of the contract');
select set_eq(
    $$select * from pg_temp.columns_of('content_items_auto_more')$$,
    $$select * from pg_temp.columns_of('content_items_more')$$, 'and content_items_auto_more the same');
select set_eq(
    $$select * from pg_temp.columns_of('tag_cardinality_stats')$$,
    $$values ('tag_id'::name, 'uuid', true), ('content_source', 'text', true), ('cardinality', 'bigint', true),
             ('updated_at', 'timestamp with time zone', true)$$,
    'tag_cardinality_stats has the columns of the contract');

-- Defaults

select col_has_default('content_items_all', c::name, 'content_items_all.' || c || ' has a default')
from unnest(array['id', 'item_metadata', 'created_at', 'updated_at', 'is_private']) c;
select col_has_default('tags', c::name, 'tags.' || c || ' has a default')
from unnest(array['id', 'tag_metadata', 'created_at', 'updated_at']) c;
select col_default_is('content_items', 'source_type', 'items', 'content_items knows its source');
select col_default_is('content_items_auto', 'source_type', 'auto', 'content_items_auto knows its source');
select hasnt_pk('content_items_all', 'the parent has no primary key: an id may stand in both partitions');

-- Keys

select col_is_pk('users', 'id');
select col_is_pk('tags', 'id');
select col_is_pk('content_items', 'id');
select col_is_pk('content_items_auto', 'id');
select col_is_pk('content_tags', array['content_id', 'content_source', 'tag_id']);
select col_is_pk('content_items_more', 'source_id');
select col_is_pk('content_items_auto_more', 'source_id');
select col_is_pk('tag_cardinality_stats', array['tag_id', 'content_source']);
select col_is_unique('tags', 'name');
select col_is_unique('users', 'username');

create function pg_temp.foreign_keys() returns setof text language sql as $$
    select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace
      and not exists (select from pg_inherits where inhrelid = conrelid)
$$;
select set_eq(
    'select * from pg_temp.foreign_keys()',
    array[
        'content_items_all FOREIGN KEY (creator_id) REFERENCES users(id) ON DELETE SET NULL',
        'content_tags FOREIGN KEY (tag_id) REFERENCES tags(id) ON DELETE CASCADE',
        'content_tags FOREIGN KEY (content_id, content_source) REFERENCES content_items_all(id, source_type) ON UPDATE CASCADE ON DELETE CASCADE',
        'content_items_more FOREIGN KEY (source_id) REFERENCES content_items(id) ON DELETE CASCADE',
        'content_items_auto_more FOREIGN KEY (source_id) REFERENCES content_items_auto(id) ON DELETE CASCADE'],
    'the foreign keys are those of the contract, with their actions');

-- What is refused

prepare a_tag as insert into tags (name) values ('a tag');
execute a_tag;
select throws_ok('a_tag', '23505', null, 'two tags of one name are refused');
select throws_ok(
    $$insert into content_items_all (content_type, source_type) values ('image', null)$$,
    '23514', null, 'an item without a source is refused');
select throws_ok(
    $$insert into content_items_all (content_type, source_type) values ('image', 'regular')$$,
    '23514', null, 'an item of an unknown source is refused');
select throws_ok(
    $$insert into content_items (content_type, source_type) values ('image', 'auto')$$,
    '23514', null, 'an item of the other source is refused by content_items');
select throws_ok(
    $$insert into content_items_auto (content_type, source_type) values ('image', 'items')$$,
    '23514', null, 'an item of the other source is refused by content_items_auto');
select throws_ok(
    $$insert into content_tags select 12345, 'items', id from tags$$,
    '23503', null, 'a tag of an item that is not there is refused');
insert into content_items_all (id, content_type, source_type) values (1, 'image', 'items');
select throws_ok(
    $$insert into content_tags select 1, 'auto', id from tags$$,
    '23503', null, 'a tag of an item that is only in the other partition is refused');
select lives_ok(
    $$insert into content_tags select 1, 'items', id from tags$$,
    'a tag of an item that is there is taken');
select throws_ok(
    $$insert into content_tags select 1, 'items', id from tags$$,
    '23505', null, 'the same tag twice on one item is refused');
select throws_ok(
    $$insert into content_items_more (source_id) values (2)$$,
    '23503', null, 'more of an item that is not there is refused');

select * from finish();
rollback;
