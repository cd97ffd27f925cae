-- The filter as a condition on an item: the one place that says what matches. It is text,
-- pasted when a function is installed and never while one runs: PostgreSQL does not inline
-- functions that hold subqueries, and a call for every item would double the cost of a walk.
-- In the text, i is the item's row and f the filter, a variable of the function around it.
-- OFFSET 0 keeps each test a probe of one item: without it the planner may read the whole
-- posting list of a tag to answer for a page of 25. CASE tests the required tags first:
-- they fail soonest, and the tests of the others look through all the tags of the item.
--
-- The arrays of a filter may have thousands of elements, which = ANY would compare with each item one by
-- one, or probe for one by one. They are sorted sets, so ids are looked for in them by halving
-- (width_bucket); content types, being texts, are hashed where they are many.

create or replace function gallery.match_columns_sql()
returns text
language sql immutable
return $condition$
        (f.content_types is null
         or case when cardinality(f.content_types) <= 8 then i.content_type = any (f.content_types)
                 else i.content_type in (select unnest(f.content_types)) end)
        and (f.min_quality is null or i.quality_score >= f.min_quality)
        and (f.creators is null or i.creator_id = f.creators[width_bucket(i.creator_id, f.creators)])
        and i.source_type = any (f.sources)
        and (i.is_private is not true or i.creator_id = f.viewer or f.everything)
        and (f.own_sources is null
             or i.source_type = any (case when i.creator_id = f.viewer then f.own_sources else f.other_sources end))
        and (f.created_from is null or i.created_at >= f.created_from)
        and (f.created_before is null or i.created_at < f.created_before)$condition$;
comment on function gallery.match_columns_sql() is
    'The part of the filter that reads the item''s own row, but for words; first what fails most items.';

create or replace function gallery.match_words_sql()
returns text
language sql immutable
return $condition$not exists (select from unnest(f.terms) w
                            where strpos(lower(coalesce(i.title, '')), w) = 0
                              and strpos(lower(coalesce(i.prompt, '')), w) = 0 offset 0)$condition$;
comment on function gallery.match_words_sql() is
    'Whether the item''s title or prompt holds each of the words.';

create or replace function gallery.match_attributes_sql()
returns text
language sql immutable
return '(' || gallery.match_columns_sql() || ' and (f.terms is null or ' || gallery.match_words_sql() || '))';
comment on function gallery.match_attributes_sql() is
    'The part of the filter that reads the item''s own row.';

-- A table is gone through in parallel only where no condition holds a subquery. This one has none where it is
-- planned for the words at hand: the arm of CASE that isn't taken drops out.
create or replace function gallery.match_patterns_sql()
returns text
language sql immutable
return '(' || gallery.match_columns_sql() || $condition$
        and (f.terms is null
             or case when v_patterns is null then $condition$ || gallery.match_words_sql() || $condition$
                     else lower(coalesce(i.title, '') || gallery.word_separator() || coalesce(i.prompt, '')) like all (v_patterns) end))$condition$;
comment on function gallery.match_patterns_sql() is
    'The same as match_attributes_sql, sooner told of thousands of items: v_patterns, a variable of the function around it, is gallery.word_patterns(f.terms).';

create or replace function gallery.carries_one_of_sql(tags text)
returns text
language sql immutable
return format($template$
        case when cardinality(%1$s) = 1
        then exists (select from @schema@.content_tags t
                     where t.content_id = i.id and t.content_source = i.source_type
                       and t.tag_id = %1$s[1] offset 0)
        else exists (select from @schema@.content_tags t
                     where t.content_id = i.id and t.content_source = i.source_type
                       and t.tag_id = %1$s[width_bucket(t.tag_id, %1$s)] offset 0) end$template$, tags);
comment on function gallery.carries_one_of_sql(text) is
    'Whether the item carries one of the tags of a sorted set: a probe for one, a look through the tags of the item for several.';

create or replace function gallery.match_tags_sql()
returns text
language sql immutable
return $condition$(
        case when f.tags_all is null
               or not exists (select from unnest(f.tags_all) w (id)
                              where not exists (select from @schema@.content_tags t
                                                where t.content_id = i.id and t.content_source = i.source_type
                                                  and t.tag_id = w.id offset 0) offset 0)
        then (f.tags_none is null or not $condition$ || gallery.carries_one_of_sql('f.tags_none') || $condition$)
         and (f.tags_any is null or $condition$ || gallery.carries_one_of_sql('f.tags_any') || $condition$) end)$condition$;
comment on function gallery.match_tags_sql() is
    'The part of the filter that probes the item''s tags: by (id, source), so that equal ids in two partitions never mix.';

create or replace function gallery.match_sql()
returns text
language sql immutable
return gallery.match_attributes_sql() || ' and ' || gallery.match_tags_sql();
comment on function gallery.match_sql() is 'The whole filter as a condition.';
