# The image that the tests run in: PostgreSQL 15 as Debian packages it, with pgTAP, pg_cron,
# plpgsql_check, pg_prove and PgBouncer. scripts/test-image.sh builds and tags it.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# The apt settings of the machine that builds (a proxy, say), for this step alone.
ARG APT_CONF=""
RUN printf '%s\n' "${APT_CONF}" > /etc/apt/apt.conf.d/99build \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      libtap-parser-sourcehandler-pgtap-perl \
      pgbouncer \
      postgresql-15 \
      postgresql-15-cron \
      postgresql-15-pgtap \
      postgresql-15-plpgsql-check \
 && pg_dropcluster 15 main \
 && rm -rf /var/lib/apt/lists/* /etc/apt/apt.conf.d/99build

ENV PATH=/usr/lib/postgresql/15/bin:$PATH \
    PGDATA=/var/lib/postgresql/primary \
    CRON_DATABASE=postgres
COPY scripts/test-image-entrypoint.sh /usr/local/bin/entrypoint
USER postgres
WORKDIR /var/lib/postgresql
# Beside the image's layers: on top of them, making a database takes ten times as long.
VOLUME /var/lib/postgresql
EXPOSE 5432
ENTRYPOINT ["entrypoint"]
