-- Where the gallery's tables and public functions stand. The installer writes the name of that schema
-- wherever a file says @schema@ (an identifier), or @schema_text@ (the same inside a string literal).

create or replace function gallery.home_schema()
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return (select i.schema_name from gallery.installed i);
end
$function$;
comment on function gallery.home_schema() is
    'The schema of the gallery''s tables and public functions, as it was called when they were installed.';
