#!/bin/sh
# Entrypoint of the test image: makes the cluster the first time, serves it on all interfaces without
# passwords, and shows its log. PostgreSQL is not process 1, so that tests can stop, kill and start it.
#
# PGDATA         where the cluster stands; the log is beside it, as $PGDATA.log
# CRON_DATABASE  the one database in which pg_cron may be created; made here if it is missing
#
# The collation is that of a language, not C, as on most servers in the field: what relies on byte
# order must say so. Without fsync a killed PostgreSQL still recovers; only a lost machine does not.
set -eu

log="$PGDATA.log"

make_cluster() {
  initdb --no-sync --auth=trust --username=postgres --encoding=UTF8 \
    --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US "$PGDATA"
  cat >> "$PGDATA/postgresql.conf" <<CONF
listen_addresses = '*'
shared_preload_libraries = 'pg_cron'
cron.database_name = '$CRON_DATABASE'
fsync = off
CONF
  cat >> "$PGDATA/pg_hba.conf" <<HBA
host all all all trust
host replication all all trust
HBA
}

stop() {
  pg_ctl stop --silent --mode=fast
  exit 0
}

[ -s "$PGDATA/PG_VERSION" ] || make_cluster
touch "$log"
pg_ctl start --silent --wait --log="$log"
createdb "$CRON_DATABASE" 2> /dev/null || psql --quiet --command='' "$CRON_DATABASE"

trap stop TERM INT
tail -n +1 -F "$log" &
wait
