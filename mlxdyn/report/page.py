"""One self-contained HTML page of findings: no scripts, no fonts, nothing fetched."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from mlxdyn.lab.catalog import visible
from mlxdyn.lab.findings import Figure, Finding, Series, Table
from mlxdyn.report import plots
from mlxdyn.report.text import said, shown_value, text_rows

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
BOX = '<div class="scroll" role="region" aria-label="Table" tabindex="0">'
LISTED = 200  # most rows of a table or points of a figure that are written out


def render(value: dict[str, Any], found: Sequence[Finding], command: str) -> str:
    """Write the page for `found`; `value` is what --json holds, `command` makes it again."""
    title = f"mlxdyn eval: {', '.join(one.experiment for one in found)}"
    body = [
        _header(value, found),
        *(part for index, one in enumerate(found) for part in _finding(one, index)),
        *_about(value, command),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n'
        f"<style>\n{files('mlxdyn.report').joinpath('page.css').read_text()}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _header(value: dict[str, Any], found: Sequence[Finding]) -> str:
    names = {
        "eval": "What learning while reading is worth",
        "compare": "Runs side by side",
    }
    name = found[0].experiment if found else ""
    kind = "" if name in names else f"Experiment {name}"
    model = value.get("model", {}).get("name")
    parts = [f"model {model}" if model else "", f"mlxdyn {value['versions']['mlxdyn']}"]
    if value.get("complete") is False:
        parts.append("interrupted: only what was done by then")
    about = " · ".join(filter(None, parts))
    return (
        f"<header>\n<h1>{escape(names.get(name, kind))}</h1>\n"
        f'<p class="kind">{escape(about)}</p>\n</header>\n<main>'
    )


def _finding(found: Finding, index: int) -> Iterator[str]:
    yield f'<p class="finding">{escape(said(found.sentence))}</p>'
    for warning in (*filter(None, [found.loss]), *found.warnings):
        yield f'<p class="warning"><strong>Warning:</strong> {escape(warning)}</p>'
    if found.figures:
        yield '<section class="figures" aria-label="Figures">'
        yield from (_figure(f, f"f{index}-{number}") for number, f in enumerate(found.figures))
        yield "</section>"
    if found.tables:
        yield "<h2>Numbers</h2>"
        yield from (_table(shown) for shown in found.tables)
    rows = [("tuned on", _list(found.tuned_on)), ("reported on", _list(found.reported_on))]
    rows += [("how the rate was chosen", found.choice)]
    rows += [(f"chosen {key}", shown_value(item)) for key, item in found.chosen.items()]
    rows += [("self-check", found.self_check)]
    if any(text for _, text in rows[:1] + rows[2:]):
        yield "<h2>Honesty</h2>"
        yield _pairs([(name, text) for name, text in rows if text])


def _list(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return visible(", ".join(names[:most]) + more)


def _figure(figure: Figure, name: str) -> str:
    drawn = plots.inline(figure, name)
    label = f'role="img" aria-labelledby="{name}-t {name}-d"'
    described = f'<title id="{name}-t">{escape(figure.title)}</title>\n'
    described += f'<desc id="{name}-d">{escape(_described(figure))}</desc>'
    head, _, rest = drawn.partition(">")
    caption = f"<figcaption>{escape(figure.note)}</figcaption>\n" if figure.note else ""
    return (
        f"<figure>\n<h3>{escape(figure.title)}</h3>\n{head} {label}>\n{described}{rest}\n"
        f"{caption}{_points(figure)}</figure>"
    )


def _described(figure: Figure) -> str:
    """Say in words what the picture shows, for those who cannot see it."""
    names = ", ".join(series.name for series in figure.series)
    ends = "; ".join(filter(None, map(_ends, figure.series)))
    return f"{figure.y_label} against {figure.x_label}, for {names}. {ends}. {figure.note}".strip()


def _ends(series: Series) -> str:
    known = [value for value in series.y if math.isfinite(value)]
    if not known:
        return ""
    low, high = shown_value(min(known)), shown_value(max(known))
    if series.style == "line" and len(known) > 1:
        first, last = shown_value(known[0]), shown_value(known[-1])
        return f"{series.name} goes from {first} to {last}, between {low} and {high}"
    return f"{series.name} lies between {low} and {high}"


def _points(figure: Figure) -> str:
    """Write a figure's numbers below it, folded away."""
    rows = tuple(
        (series.name, _place(figure, x), y, *_band(series, index))
        for series in figure.series
        for index, (x, y) in enumerate(zip(series.x, series.y, strict=True))
    )
    if not 0 < len(rows) <= LISTED:
        return ""
    width = max(map(len, rows))
    head = ("series", figure.x_label, figure.y_label, "low", "high")[:width]
    even = tuple(row + (None,) * (width - len(row)) for row in rows)
    return f"<details><summary>Numbers</summary>\n{_table(Table('', head, even))}\n</details>\n"


def _place(figure: Figure, x: float) -> str | float:
    if figure.categories is not None and 0 <= round(x) < len(figure.categories):
        return figure.categories[round(x)]
    return x


def _band(series: Series, index: int) -> tuple[float, ...]:
    if series.low is None or series.high is None:
        return ()
    return series.low[index], series.high[index]


def _table(shown: Table) -> str:
    head, *rows = text_rows(shown)
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows[:LISTED]
    )
    caption = f"<caption>{escape(shown.title)}</caption>" if shown.title else ""
    more = len(rows) - LISTED
    rest = f'<p class="soft">and {more} more rows; --csv has them all</p>' if more > 0 else ""
    return (
        f"{BOX}<table>{caption}\n<thead><tr>{columns}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table>{rest}</div>"
    )


def _pairs(rows: Sequence[tuple[str, str]], *, code: bool = False) -> str:
    mark = ("<code>", "</code>") if code else ("", "")
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f'<td class="words">{mark[0]}{escape(text)}{mark[1]}</td></tr>'
        for name, text in rows
    )
    return f"{BOX}<table><tbody>\n{body}\n</tbody></table></div>"


def _about(value: dict[str, Any], command: str) -> Iterator[str]:
    yield "<h2>Reproduce it</h2>"
    yield f"<pre><code>{escape(command)}</code></pre>"
    if streams := value.get("streams"):
        yield "<h2>Text</h2>"
        head = '<th scope="col">text</th><th scope="col">tokens</th><th scope="col">bytes</th>'
        body = "\n".join(map(_stream, streams[:LISTED]))
        more = len(streams) - LISTED
        yield (
            f'{BOX}<table><thead><tr>{head}<th scope="col">SHA-256'
            f"</th></tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )
        if more > 0:
            yield f'<p class="soft">and {more} more; --json has them all</p>'
    for title, rows in _settings(value):
        yield f"<details><summary>{title}</summary>\n{_pairs(rows, code=True)}\n</details>"
    made = escape(str(value.get("created", "")))
    yield f"</main>\n<footer>Made {made} by mlxdyn. Every number is about text that was scored "
    yield "before it was learned. This page fetches nothing.</footer>"


def _stream(stream: dict[str, Any]) -> str:
    path, digest = escape(str(stream["path"])), escape(str(stream["sha256"]))
    return (
        f'<tr><th scope="row">{path}</th><td>{stream["tokens"]}</td><td>{stream["bytes"]}</td>'
        f"<td><code>{digest}</code></td></tr>"
    )


def _settings(value: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for title, key in (("Configuration", "config"), ("Model", "model"), ("Versions", "versions")):
        rows = [(name, shown_value(item)) for name, item in value.get(key, {}).items()]
        if key == "versions":
            rows += [(name, shown_value(value.get(name))) for name in ("device", "blas")]
        if rows:
            yield title, rows
