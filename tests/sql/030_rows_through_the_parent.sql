-- Rows are inserted, updated and deleted through the parent and land in the right partition.

begin;
select plan(21);

insert into tags (id, name)
select ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'tag ' || n from generate_series(1, 3) n;

-- Inserting

insert into content_items_all (title, content_type, source_type)
values ('a regular one', 'image', 'items'), ('an automatic one', 'image', 'auto');
select results_eq('select title from only content_items', array['a regular one'], 'items land in content_items');
select results_eq('select title from only content_items_auto', array['an automatic one'],
    'automatic ones in content_items_auto');
select is(count(distinct id), 2::bigint, 'one sequence gives the ids of both') from content_items_all;
select is_empty('select from only content_items_all', 'the parent itself holds nothing');
select results_eq(
    $$insert into content_items (title, content_type) values ('straight in', 'image') returning source_type$$,
    array['items'], 'a row inserted into content_items knows its source');
select results_eq(
    $$insert into content_items_auto (title, content_type) values ('straight in', 'image') returning source_type$$,
    array['auto'], 'and one inserted into content_items_auto');
delete from content_items_all;

-- Updating and deleting

insert into content_items_all (id, title, content_type, source_type, prompt)
values (7, 'seven', 'image', 'items', 'the prompt of seven'), (7, 'seven auto', 'image', 'auto', null),
       (8, 'eight', 'image', 'items', null);
insert into content_tags
select i.id, i.source_type, t.id from content_items_all i cross join tags t
where (i.id, i.source_type, t.name) in ((7, 'items', 'tag 1'), (7, 'items', 'tag 2'), (7, 'auto', 'tag 3'), (8, 'items', 'tag 1'));

update content_items_all set title = 'seven, changed' where id = 7 and source_type = 'items';
select results_eq(
    'select title, source_type from content_items_all where id = 7 order by source_type',
    $$values ('seven auto', 'auto'), ('seven, changed', 'items')$$,
    'an update of one leaves its namesake alone');
delete from content_items_all where id = 7 and source_type = 'auto';
select results_eq('select id, source_type from content_items_all order by id',
    $$values (7::bigint, 'items'), (8::bigint, 'items')$$, 'a delete of one leaves its namesake alone');
select is_empty($$select from content_tags where content_source = 'auto'$$, 'the tags of the deleted one are gone');
select is(count(*), 2::bigint, 'the tags of its namesake are not') from content_tags where content_id = 7;

-- Moving between the sources

insert into content_items_more (source_id, metadata_more) values (7, '{"more": 7}'), (8, '{"more": 8}');
select throws_ok($$update content_items_all set source_type = 'auto' where id = 7$$, '23001', null,
    'an item does not leave behind what only its subtype has');
delete from content_items_more where source_id = 7;
update content_items_all set source_type = 'auto' where id = 7;
select results_eq('select title, prompt from only content_items_auto',
    $$values ('seven, changed', 'the prompt of seven')$$, 'an item whose source changes moves, prompt and all');
select results_eq('select title from only content_items', array['eight'], 'and leaves its old partition');
select results_eq(
    $$select content_source, tag_id::text from content_tags where content_id = 7 order by tag_id$$,
    $$values ('auto', '00000000-0000-0000-0000-000000000001'), ('auto', '00000000-0000-0000-0000-000000000002')$$,
    'its tags move with it');
select results_eq($$select content_source from content_tags where content_id = 8$$, array['items'],
    'those of others stay');
select results_eq($$select id, source_type from gallery_page(tags_all => '{00000000-0000-0000-0000-000000000002}')$$,
    $$values (7::bigint, 'auto')$$, 'a page finds it at its new place');
update content_items_all set source_type = 'items' where id = 7;
select results_eq($$select id, source_type from gallery_page(tags_all => '{00000000-0000-0000-0000-000000000002}')$$,
    $$values (7::bigint, 'items')$$, 'and at its old place when it moves back');

delete from content_items_more;
insert into content_items_all (id, content_type, source_type) values (8, 'image', 'auto');
select throws_ok($$update content_items_all set source_type = 'auto' where id = 8 and source_type = 'items'$$,
    '23505', null, 'a move onto a namesake is refused');

-- A changed id

update content_items_all set id = 70 where id = 7;
select is(count(*), 2::bigint, 'the tags follow a changed id') from content_tags where content_id = 70;
select is_empty('select from content_tags where content_id = 7', 'and none are left behind');

truncate content_items_all cascade;
select is_empty('select from content_tags', 'truncating the items empties the junction');

select * from finish();
rollback;
