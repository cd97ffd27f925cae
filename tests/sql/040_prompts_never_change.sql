-- An item's prompt never changes after insert: a trigger refuses, whichever way the update comes.

begin;
select plan(16);

insert into content_items_all (id, title, content_type, source_type, prompt)
values (1, 'regular', 'image', 'items', 'a prompt'), (1, 'automatic', 'image', 'auto', 'a prompt'),
       (2, 'without', 'image', 'items', null);

select throws_ok(statement, '23001', null, description)
from (values
    ($$update content_items_all set prompt = 'another' where id = 1$$, 'through the parent'),
    ($$update content_items set prompt = 'another' where id = 1$$, 'through content_items'),
    ($$update content_items_auto set prompt = 'another' where id = 1$$, 'through content_items_auto'),
    ($$update content_items_all set prompt = null where id = 1$$, 'to nothing'),
    ($$update content_items_all set prompt = 'one now' where id = 2$$, 'from nothing'),
    ($$update content_items_all set prompt = '' where id = 2$$, 'from nothing to an empty one'),
    ($$update content_items_all set prompt = prompt || ' ' where id = 1$$, 'by a blank'),
    ($$update content_items_all set title = 'new', prompt = 'new' where id = 1$$, 'along with the title'),
    ($$update content_items_all set prompt = 'new', source_type = 'auto' where id = 2$$, 'along with the source'),
    ($$insert into content_items (id, content_type, prompt) values (1, 'image', 'new')
       on conflict (id) do update set prompt = excluded.prompt$$, 'by an upsert'))
     refused (statement, description);

create function pg_temp.hint_of(statement text) returns text language plpgsql as $$
declare
    v_hint text;
begin
    execute statement;
    return null;
exception when others then
    get stacked diagnostics v_hint = pg_exception_hint;
    return v_hint;
end $$;
select matches(pg_temp.hint_of($$update content_items_all set prompt = 'another' where id = 1$$), 'new item',
    'the hint says what to do instead');

select lives_ok($$update content_items_all set prompt = prompt where id = 1$$, 'the same prompt again is no change');
select lives_ok($$update content_items_all set prompt = null where id = 2$$, 'nor is nothing again');
select lives_ok($$update content_items_all set title = 'a new title', content_data = 'new' where id = 1$$,
    'everything else may change');
select lives_ok($$update content_items_all set source_type = 'auto' where id = 2$$, 'the source too');
select results_eq('select prompt from content_items_all order by id, source_type',
    array['a prompt', 'a prompt', null], 'every prompt is as it was inserted');

select * from finish();
rollback;
