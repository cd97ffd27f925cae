"""The report as one HTML page: what was promised, who wins where and by how much, and the rest.

Everything is inside the page; it needs no network and no script.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ..results import Results
from ..summary import against
from . import plots, shapes, tables
from .tables import Cell, Group, Sheet

_STYLE = """
:root { color-scheme: light dark; --ink: #172b4d; --soft: #6b778c; --paper: #fff; --line: #dfe1e6;
  --good: #00875a; --bad: #de350b; --tint: #f4f5f7 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa5b5; --paper: #15191f;
  --line: #303846; --good: #36b37e; --bad: #ff7452; --tint: #1e242d } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { margin-top: 2.5rem }
p.soft, .soft { color: var(--soft) }
img { width: 100%; background: #fff }
.several { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; width: 100% }
th { text-align: right; vertical-align: bottom } td { text-align: right; white-space: nowrap }
th, td { padding: 2px 8px; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; white-space: normal }
tr.group td { font-weight: 600; background: var(--tint); padding-top: 8px }
.good { color: var(--good) } .bad { color: var(--bad) } td.best { font-weight: 700 }
pre { font-size: 12px; overflow-x: auto; background: var(--tint); padding: .7rem }
"""


def page(results: Results) -> str:
    """The whole page."""
    palette = plots.colors(results)
    sections = [
        _head(results),
        _section(tables.promised(results)),
        _section(tables.rivals(results), _averages(results, palette)),
        _section(tables.every_query(results), plots.every_query(results.matrix, palette)),
        _section(shapes.random(results)),
        _section(shapes.found_cliffs(results)),
        _section(tables.strategies(results), folded=True),
        _section(tables.dirty(results), folded=True),
        _section(tables.cold(results)),
        _section(tables.load(results), _load(results)),
        _section(tables.growth(results), _growth(results, palette)),
        _section(tables.upkeep(results)),
        _plans(results),
        *(_section(sheet) for sheet in tables.set_up(results)),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>pg_gallery benchmark</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _head(results: Results) -> str:
    size, machine = results.size, results.machine
    return (
        "<h1>pg_gallery benchmark</h1>"
        f'<p class="soft">{size["items"] + size["auto"]:,} items, {size["tag_rows"]:,} tag rows,'
        f" {size['tags']:,} tags; PostgreSQL {escape(machine['PostgreSQL'])},"
        f" {escape(machine['processor'])}, {escape(machine['memory'])};"
        f" {escape(machine['date'])}</p>"
    )


def _section(sheet: Sheet, plot: str = "", *, folded: bool = False) -> str:
    """A table, and above it the plot that says the same at a glance."""
    if not sheet.rows:
        return ""
    table = _table(sheet)
    if folded:
        table = f"<details><summary>{len(sheet.rows)} rows</summary>{table}</details>"
    about = f"<p>{escape(sheet.about)}</p>" if sheet.about else ""
    return f"<h2>{escape(sheet.title)}</h2>{about}{plot}{table}"


def _averages(results: Results, palette: Mapping[str, str]) -> str:
    rivals = [against(results, name) for name in results.names("rival", "engine")]
    return plots.averages([rival for rival in rivals if rival.queries], palette)


def _load(results: Results) -> str:
    points = results.load
    if not points:
        return ""
    clients = [str(point.clients) for point in points]
    served = {"pages": [point.pages_per_second for point in points]}
    latencies = {
        name: [getattr(point, name.lower()) for point in points] for name in ("P50", "P95", "P99")
    }
    throughput = plots.lines("pages a second", clients, served, _whole)
    latency = plots.lines("latency", clients, latencies, plots.duration)
    return f'<div class="several">{throughput}{latency}</div>'


def _growth(results: Results, palette: Mapping[str, str]) -> str:
    points = results.growth
    if not points:
        return ""
    sizes = [_short(point.items) for point in points]
    drawn = [
        plots.lines(
            query,
            sizes,
            {name: [point.medians[query][name] for point in points] for name in medians},
            plots.duration,
            palette,
        )
        for query, medians in points[0].medians.items()
    ]
    return f'<div class="several">{"".join(drawn)}</div>'


def _plans(results: Results) -> str:
    """Each strategy's, and every rival's of the first query."""
    plans = dict(results.explained)
    for query in results.matrix[:1]:
        for name, one in query.measured.items():
            if one.plan is not None:
                plans[f"{name}, {query.title}"] = one.plan.text
    folded = (
        f"<details><summary>{escape(name)}</summary><pre>{escape(plan)}</pre></details>"
        for name, plan in plans.items()
    )
    return f"<h2>Plans</h2>{''.join(folded)}" if plans else ""


def _table(sheet: Sheet) -> str:
    heads = "".join(f"<th>{escape(column)}</th>" for column in sheet.columns)
    lines = []
    for row in sheet.rows:
        if isinstance(row, Group):
            cell = f'<td colspan="{len(sheet.columns)}">{escape(row.name)}</td>'
            lines.append(f'<tr class="group">{cell}</tr>')
        else:
            lines.append(f"<tr>{''.join(map(_cell, row))}</tr>")
    return f'<div class="scroll"><table><tr>{heads}</tr>{"".join(lines)}</table></div>'


def _cell(cell: Cell) -> str:
    attributes = f' class="{cell.tone}"' if cell.tone else ""
    attributes += f' title="{escape(cell.hint)}"' if cell.hint else ""
    return f"<td{attributes}>{escape(cell.text)}</td>"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _short(items: int) -> str:
    return f"{items / 1e6:.3g}M" if items >= 1_000_000 else f"{items / 1e3:.3g}k"
