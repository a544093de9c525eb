# SPDX-License-Identifier: Apache-2.0
"""Turns series of samples into rows: medians, spread, ratio, and how they stand to the bar."""
import dataclasses

METRIC = {"cpu": "cpu_ms", "rss": "rss_kb"}  # by the last word of a row's name; wall time otherwise


@dataclasses.dataclass(frozen=True)
class Row:
    """Which series a row compares. The other side is the reference plugin unless said otherwise."""
    name: str
    unit: str
    kind: str
    scenario: str
    verb: str
    peer: str = "peer"
    bar: float = None
    bar_on: str = "ratio"

    @property
    def metric(self):
        return METRIC.get(self.name.rsplit(".", 1)[1], "wall_ms")


def percentile(values, share):
    """The nearest-rank percentile, the median being the mean of the two in the middle."""
    ordered = sorted(values)
    if share == 0.5 and len(ordered) % 2 == 0:
        middle = len(ordered) // 2
        return (ordered[middle - 1] + ordered[middle]) / 2
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(values):
    if not values:
        return None, None, None
    return tuple(round(percentile(values, share), 3) for share in (0.5, 0.1, 0.9))


def make_row(row, series):
    """One row of the result; None for what could not be measured at all."""
    empty = {"wall_ms": [], "cpu_ms": [], "rss_kb": [], "failures": 0, "error": ""}
    ours = series.get((row.kind, row.scenario, row.verb, "ours"), empty)
    peer = series.get((row.kind, row.scenario, row.verb, row.peer), empty)
    made = {"name": row.name, "unit": row.unit, "compared_with": row.peer,
            "n": min(len(ours[row.metric]), len(peer[row.metric]))}
    for side, samples in (("ours", ours), ("peer", peer)):
        made[side], made[f"{side}_p10"], made[f"{side}_p90"] = summary(samples[row.metric])
        made[f"{side}_failures"] = samples["failures"]
        if samples["error"]:
            made[f"{side}_error"] = samples["error"]
    made["ratio"] = round(made["ours"] / made["peer"], 4) if made["ours"] and made["peer"] else None
    if row.bar is not None:
        value = made[row.bar_on]
        made["bar"] = round(row.bar, 4)
        made["bar_on"] = row.bar_on
        made["bar_met"] = (value is not None and value <= row.bar and
                           made["ours_failures"] == 0)
    return made


def failures(series):
    """A line for each series in which a call failed."""
    lines = []
    for (kind, scenario, verb, side), samples in series.items():
        if samples["failures"]:
            error = " ".join(samples["error"].split())
            lines.append(f"{kind} {scenario} {verb} {side}: {samples['failures']} failed: {error}")
    return lines


def number(value, unit):
    if value is None:
        return "-"
    return f"{value:.0f}" if unit == "kB" or value >= 100 else f"{value:.2f}"


def bar_text(row):
    if "bar" not in row:
        return "", ""
    bar = number(row["bar"], row["unit"]) if row["bar_on"] == "ours" else f"{row['bar']:.3g}"
    return f"<= {bar}", "yes" if row["bar_met"] else "NO"


def cells(row):
    """What a table shows of a row, as text."""
    unit = row["unit"]
    value = {side: number(row[side], unit) for side in ("ours", "peer")}
    spread = {side: f"{number(row[side + '_p10'], unit)}-{number(row[side + '_p90'], unit)}"
              for side in ("ours", "peer")}
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f}"
    bar, met = bar_text(row)
    return [row["name"], unit, value["ours"], spread["ours"], row["compared_with"], value["peer"],
            spread["peer"], ratio, bar, met, str(row["n"])]


HEADINGS = ["row", "unit", "ours", "p10-p90", "against", "theirs", "p10-p90", "ratio", "bar", "met",
            "n"]


def text_table(rows):
    lines = [HEADINGS] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def markdown_table(rows):
    lines = [HEADINGS, ["---"] * len(HEADINGS)] + [cells(row) for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
