-- Telemetry: the line that a sampled page leaves in the server log.

create or replace function gallery.log_choice(
    strategy text, k int, rarest_count bigint, estimated_candidates bigint, rows int,
    started timestamptz, settings gallery.settings_in_force)
returns void
language plpgsql volatile
set search_path from current
as $function$
begin
    if settings.log_strategy_choice and random() < settings.sample_rate then
        raise log 'pg_gallery %', json_strip_nulls(json_build_object(
            'strategy', strategy,
            'k', k,
            'rarest_count', rarest_count,
            'estimated_candidates', case when settings.log_estimates then estimated_candidates end,
            'rows', rows,
            'ms', round(extract(epoch from clock_timestamp() - started) * 1000, 3)));
    end if;
end
$function$;
comment on function gallery.log_choice(text, int, bigint, bigint, int, timestamptz, gallery.settings_in_force) is
    'At the sample rate, one line "pg_gallery {...}" in the server log: what was chosen, by what figures, and what it gave. ms counts from started, which is a clock_timestamp(). Writes nothing, so it may be called by STABLE functions and on a standby.';
