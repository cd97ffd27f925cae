-- An item's place in the page order, as the columns that a statement selects.

-- Positions compare as rows, upwards or downwards with the direction of travel. A missing quality
-- needs care: it is last going forward and first going back, in either sort order, so it gets the
-- segment that the comparison puts there. Reversing a scan changes both of its flags and leaves
-- every segment as it was: a position means the same both ways.
create or replace function gallery.position_sql()
returns text
language sql immutable
return $columns$
        s.by_quality and (i.quality_score is null) = (s.descending = s.backward),
        case when not s.by_quality then i.created_at end,
        case when s.by_quality then i.quality_score end,
        i.id,
        i.source_type$columns$;
comment on function gallery.position_sql() is
    'The columns of the position of item i in scan s, as text to paste into a strategy (see tables/match.sql).';
