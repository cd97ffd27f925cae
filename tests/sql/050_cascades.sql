-- What goes with what: items with their tags and sidecars, tags with their uses, users leave items.

begin;
select plan(10);

insert into users (id, username) values ('00000000-0000-0000-0000-00000000000a', 'a user');
insert into tags (id, name)
values ('00000000-0000-0000-0000-000000000001', 'one'), ('00000000-0000-0000-0000-000000000002', 'two');
insert into content_items_all (id, content_type, source_type, creator_id)
select n, 'image', source, '00000000-0000-0000-0000-00000000000a'
from generate_series(1, 2) n cross join unnest(array['items', 'auto']) source;
insert into content_tags select i.id, i.source_type, t.id from content_items_all i cross join tags t;
insert into content_items_more (source_id) values (1), (2);
insert into content_items_auto_more (source_id) values (1), (2);

delete from content_items_all where id = 1 and source_type = 'items';
select is(count(*), 6::bigint, 'an item takes its tags with it') from content_tags;
select is(count(*), 2::bigint, 'and leaves those of its namesake') from content_tags
where content_id = 1 and content_source = 'auto';
select results_eq('select source_id from content_items_more', array[2::bigint], 'and its sidecar');
select results_eq('select source_id from content_items_auto_more order by 1', array[1, 2]::bigint[],
    'and not its namesake''s');

delete from content_items_auto where id = 2;
select results_eq('select source_id from content_items_auto_more', array[1::bigint],
    'deleted from its partition, an item takes its sidecar too');
select is_empty($$select from content_tags where (content_id, content_source) = (2, 'auto')$$, 'and its tags');

delete from tags where name = 'one';
select results_eq('select distinct tag_id::text from content_tags', array['00000000-0000-0000-0000-000000000002'],
    'a tag takes its uses with it');
select is(count(*), 2::bigint, 'and leaves the items') from content_items_all;

delete from users;
select is(count(*), 2::bigint, 'a user leaves the items behind') from content_items_all;
select is_empty('select from content_items_all where creator_id is not null', 'as nobody''s');

select * from finish();
rollback;
