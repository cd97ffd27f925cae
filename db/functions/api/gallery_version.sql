-- gallery_version: which release of the functions is installed.

create or replace function @schema@.gallery_version()
returns text
language sql stable
begin atomic
    select i.version from gallery.installed i;
end;
comment on function @schema@.gallery_version() is
    'The installed version of pg_gallery; clients compare it with their own.';
