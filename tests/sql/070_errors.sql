-- Errors carry the SQLSTATE of the contract's table, a message, and a HINT that says what to do.

begin;
select plan(28);

insert into tags (id, name) values ('00000000-0000-0000-0000-000000000001', 'a tag');
insert into content_items_all (id, content_type, source_type)
select n, 'image', 'items' from generate_series(1, 30) n;

create function pg_temp.refusal_of(statement text) returns text language plpgsql as $$
declare
    v_state   text;
    v_message text;
    v_hint    text;
begin
    execute statement;
    return 'no error';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_hint = pg_exception_hint;
    return v_state || case when v_message = '' then ' without a message' else '' end
                   || case when v_hint = '' then ' without a hint' else '' end;
end $$;

select is(pg_temp.refusal_of(statement), code, code || ': ' || description)
from (values
    ('TG001', 'a garbled cursor', $$select * from gallery_page(cursor => 'garbled')$$),
    ('TG001', 'an empty cursor', $$select * from gallery_page(cursor => '')$$),
    ('TG001', 'a truncated cursor', $$select * from gallery_page(cursor => (select left(next_cursor, -1) from gallery_page() limit 1))$$),
    ('TG002', 'a cursor of another filter', $$select * from gallery_page(min_quality => 1, cursor => (select next_cursor from gallery_page() limit 1))$$),
    ('TG002', 'a cursor of another sort', $$select * from gallery_page(sort_order => 'asc', cursor => (select next_cursor from gallery_page() limit 1))$$),
    ('TG003', 'an unknown tag name', $$select gallery_tag_ids('{a tag,no such tag}')$$),
    ('TG004', 'a page_size of 0', $$select * from gallery_page(page_size => 0)$$),
    ('TG004', 'a page_size of 501', $$select * from gallery_page(page_size => 501)$$),
    ('TG004', 'an unknown sort_field', $$select * from gallery_page(sort_field => 'id')$$),
    ('TG004', 'an unknown sort_order', $$select * from gallery_page(sort_order => 'up')$$),
    ('TG004', 'an unknown strategy', $$select * from gallery_page(strategy => 'magic')$$),
    ('TG004', 'an unknown source type', $$select gallery_count(content_source_types => '{regular}')$$),
    ('TG004', 'own sources without a viewer', $$select gallery_count(content_source_types => '{user-auto}')$$),
    ('TG004', 'a NULL among the tags', $$select gallery_count(tags_all => '{NULL}')$$),
    ('TG004', 'a NULL among the names', $$select gallery_tag_ids('{NULL}')$$),
    ('TG004', 'a range the wrong way round', $$select gallery_count(created_from => '2020-01-02', created_before => '2020-01-01')$$),
    ('TG004', 'a quality that is no number', $$select gallery_count(min_quality => 'NaN')$$),
    ('TG004', 'a negative rank', $$select gallery_cursor_at(rank => -1)$$),
    ('TG004', 'no facets at all', $$select * from gallery_facets(facet_limit => 0)$$),
    ('TG005', 'a strategy without what it starts from', $$select * from gallery_page(strategy => 'self_join')$$),
    ('TG007', 'an unknown setting', $$select gallery_configure('{"no_such_setting": 1}')$$),
    ('TG007', 'an invalid setting', $$select gallery_configure('{"small_k_threshold": "three"}')$$),
    ('23001', 'a changed prompt', $$update content_items_all set prompt = 'new' where id = 1$$))
     e (code, description, statement);

select lives_ok($$select * from gallery_page(page_size => 500)$$, 'the largest page is no error');
select is(pg_temp.refusal_of($$select * from gallery_page(tags_all => '{00000000-0000-0000-0000-00000000000f}')$$),
    'no error', 'an unknown tag id is no error');
select is_empty($$select * from gallery_page(tags_all => '{00000000-0000-0000-0000-00000000000f}')$$,
    'but an empty page');

-- A strategy that is switched off

select lives_ok($$select gallery_configure('{"enable_ordered_walk": false}')$$, 'ordered_walk is switched off');
select is(pg_temp.refusal_of($$select * from gallery_page(strategy => 'ordered_walk')$$), 'TG005',
    'TG005: a strategy that is switched off');

select * from finish();
rollback;
