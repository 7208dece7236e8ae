# SPDX-License-Identifier: Apache-2.0
"""Lines over steps, with a logarithmic height, as SVG that reads in the light and in the dark."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 596, 56, 364

STYLE = """
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #3a434d; }
.title { font-size: 15px; font-weight: 600; fill: #1c2127; }
.sheet { fill: #ffffff; } .grid { stroke: #dfe3e8; } .axis { stroke: #8a949f; }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; } .name { font-weight: 600; }
.s0 { --c: #1f6fd0; } .s1 { --c: #b3470c; } .s2 { --c: #1d7f57; } .s3 { --c: #8a3fa8; }
.s4 { --c: #66707b; } .series { stroke: var(--c); } .mark, .name { fill: var(--c); }
@media (prefers-color-scheme: dark) {
  text { fill: #b9c2cc; } .title { fill: #eef1f4; } .sheet { fill: #15181c; }
  .grid { stroke: #2b3138; } .axis { stroke: #6c7681; }
  .s0 { --c: #6cb0ff; } .s1 { --c: #ff9d5c; } .s2 { --c: #5fcf9c; } .s3 { --c: #d59bec; }
  .s4 { --c: #a9b3be; }
}
"""


def decades(values):
    """The powers of ten around all values, as exponents."""
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def spread(heights, least=17):
    """The heights, moved to be so far from one another, and none below the graph."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = list(heights)
    for above, below in zip(order, order[1:]):
        placed[below] = max(placed[below], placed[above] + least)
    floor = BOTTOM
    for index in reversed(order):
        placed[index] = min(placed[index], floor)
        floor = placed[index] - least
    return placed


def mark(kind, x, y):
    """A shape a series, so that colour is not all that tells them apart."""
    shapes = [
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
        f'<rect class="mark" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>',
        f'<path class="mark" d="M{x:.1f} {y - 5:.1f}l5 9h-10z"/>',
        f'<path class="mark" d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>',
        f'<path class="mark" d="M{x:.1f} {y + 5:.1f}l5 -9h-10z"/>',
    ]
    return shapes[kind % len(shapes)]


def svg(title, steps, across, series):
    """series: (name, values) each with a value, or None, for every step."""
    known = [value for _, values in series for value in values if value]
    exponents = decades(known)

    def x_of(index):
        return LEFT + 20 + index * (RIGHT - LEFT - 40) / max(len(steps) - 1, 1)

    def y_of(value):
        part = (math.log10(value) - exponents[0]) / (exponents[-1] - exponents[0])
        return BOTTOM - part * (BOTTOM - TOP)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}">',
           f"<style>{STYLE}</style>",
           f'<rect class="sheet" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
           f'<text class="title" x="20" y="30">{escape(title)}</text>']
    for exponent in exponents:
        y = y_of(10 ** exponent)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                   f"{10 ** exponent:,}</text>")
    out.append(f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    for index, step in enumerate(steps):
        out.append(f'<text x="{x_of(index):.1f}" y="{BOTTOM + 20}" text-anchor="middle">'
                   f"{step}</text>")
    out.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 42}" text-anchor="middle">'
               f"{escape(across)}</text>")
    out += lines(series, x_of, y_of)
    return "\n".join(out) + "\n</svg>\n"


def lines(series, x_of, y_of):
    """The series, each with its name at its end."""
    points = [[(x_of(i), y_of(value)) for i, value in enumerate(values) if value]
              for _, values in series]
    names = spread([line[-1][1] for line in points])
    out = []
    for kind, ((name, _), line, height) in enumerate(zip(series, points, names)):
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in line)
        out.append(f'<g class="s{kind % 5}"><path class="series" d="M{path}"/>')
        out += [mark(kind, x, y) for x, y in line]
        out.append(f'<text class="name" x="{RIGHT + 6}" y="{height + 4:.1f}">{escape(name)}'
                   "</text></g>")
    return out
