# SPDX-License-Identifier: Apache-2.0
"""The rows as Markdown for people and as JSON for programs."""

import json


def number(value):
    if value is None:
        return "not available"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def markdown(rows):
    lines = ["| what | measured | goal | met | how |", "|---|--:|--:|---|---|"]
    for row in rows:
        value = number(row.value) + (f" {row.unit}" if row.value is not None else "")
        goal = f"{row.sense} {row.goal:,g}" if row.goal is not None else "–"
        note = " ".join(row.note.split()).replace("|", "\\|")
        met = {True: "yes", False: "**no**", None: "–"}[row.met]
        lines.append(f"| {row.title} | {value} | {goal} | {met} | {note} |")
    return "\n".join(lines) + "\n"


def to_json(rows):
    return json.dumps({"rows": [row.to_object() for row in rows]}, ensure_ascii=False)
