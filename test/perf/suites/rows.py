# SPDX-License-Identifier: Apache-2.0
"""Turns series of samples into rows: medians, spread, ratio, and how they stand to the bar."""
import dataclasses
import math
import operator

METRIC = {"cpu": "cpu_ms", "rss": "rss_kb"}  # by the last word of a row's name; wall time otherwise
SENSES = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Row:
    """Which series a row compares. The other side is the reference plugin unless said otherwise."""
    name: str
    unit: str
    kind: str
    scenario: str
    verb: str
    side: str = "ours"
    peer: str = "peer"
    bar: float = None
    bar_on: str = "ratio"  # or "ours"; of a Pair "difference" too
    sense: str = "<="

    @property
    def metric(self):
        return METRIC.get(self.name.rsplit(".", 1)[1], "wall_ms")

    def compare(self, made, _ours, _peer):
        """The ratio of the medians."""
        made["ratio"] = (round(made["ours"] / made["peer"], 4)
                         if made["ours"] and made["peer"] else None)

    def judge(self, made):
        """Whether the bar is met; None if that cannot be said."""
        value = made[self.bar_on]
        return value is not None and SENSES[self.sense](value, self.bar)


class Pair(Row):
    """Both sides were measured in each round (None: failed), so that rounds are compared."""
    metric = "value"

    def compare(self, made, ours, peer):
        """The median of the rounds' ratios, or differences, and its confidence interval."""
        key, apart = (("difference", operator.sub) if self.bar_on == "difference" else
                      ("ratio", operator.truediv))
        rounds = [apart(a, b) for a, b in zip(ours, peer) if None not in (a, b)]
        made["ratio"] = None
        made["n"] = len(rounds)
        made[key] = round(percentile(rounds, 0.5), 4) if rounds else None
        low, high = median_bounds(rounds)
        if low is not None:
            made[f"{key}_low"], made[f"{key}_high"] = round(low, 4), round(high, 4)

    def judge(self, made):
        """The end of the interval that is further from the bar must meet it."""
        value = made.get(f"{self.bar_on}_{'low' if self.sense == '>=' else 'high'}")
        return None if value is None else SENSES[self.sense](value, self.bar)


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Sides by lines of (name, unit, kind, scenario, verb), each side also as a ratio to @base."""
    sides: tuple
    base: str
    lines: list


def percentile(values, share):
    """The nearest-rank percentile, the median being the mean of the two in the middle."""
    ordered = sorted(values)
    if share == 0.5 and len(ordered) % 2 == 0:
        middle = len(ordered) // 2
        return (ordered[middle - 1] + ordered[middle]) / 2
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_bounds(values):
    """
    Between which two samples the true median is with CONFIDENCE, whatever the distribution: as
    often as a fair coin falls on one side. None for both if there are too few.
    """
    n, rank, tail = len(values), 0, 0.0
    while True:
        tail += math.comb(n, rank) / 2 ** n
        if 2 * tail > 1 - CONFIDENCE or rank >= n // 2:
            break
        rank += 1
    ordered = sorted(values)
    return (ordered[rank - 1], ordered[n - rank]) if rank else (None, None)


def summary(values):
    values = [value for value in values if value is not None]
    if not values:
        return None, None, None
    return tuple(round(percentile(values, share), 3) for share in (0.5, 0.1, 0.9))


def make_row(row, series):
    """One row of the result; None for what could not be measured at all."""
    empty = {row.metric: [], "failures": 0, "error": ""}
    ours = series.get((row.kind, row.scenario, row.verb, row.side), empty)
    peer = series.get((row.kind, row.scenario, row.verb, row.peer), empty)
    made = {"name": row.name, "unit": row.unit, "compared_with": row.peer,
            "n": min(len(ours[row.metric]), len(peer[row.metric]))}
    for side, samples in (("ours", ours), ("peer", peer)):
        made[side], made[f"{side}_p10"], made[f"{side}_p90"] = summary(samples[row.metric])
        made[f"{side}_failures"] = samples["failures"]
        if samples["error"]:
            made[f"{side}_error"] = samples["error"]
    row.compare(made, ours[row.metric], peer[row.metric])
    if row.bar is not None:
        met = row.judge(made)
        made["bar"] = round(row.bar, 4)
        made["bar_on"] = row.bar_on
        made["bar_sense"] = row.sense
        made["bar_met"] = met and made["ours_failures"] == 0
    return made


def make_matrix(matrix, series):
    """The lines of a matrix, each with its sides' rows, without what a cell does not show."""
    shown = ("ours", "ratio", "ratio_low", "ratio_high", "n")
    made = {"base": matrix.base, "sides": list(matrix.sides), "lines": []}
    for name, unit, *key in matrix.lines:
        rows = {side: make_row(Pair(name, unit, *key, side=side, peer=matrix.base), series)
                for side in matrix.sides}
        made["lines"].append({"name": name, "unit": unit, "sides": {
            side: {field: row[field] for field in shown if field in row}
            for side, row in rows.items() if row["ours"] is not None}})
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
    bar = f"{row['bar']:.3g}" if row["bar_on"] == "ratio" else number(row["bar"], row["unit"])
    more = " more" if row["bar_on"] == "difference" else ""
    met = {True: "yes", False: "NO", None: "-"}[row["bar_met"]]
    return f"{row.get('bar_sense', '<=')} {bar}{more}", met


def comparison(row):
    """The ratio or the difference, with its bounds if there are any."""
    key, form = ("ratio", "{:.3f}") if "difference" not in row else ("difference", "{:+.0f}")
    if row[key] is None:
        return "-"
    if f"{key}_low" not in row:
        return form.format(row[key])
    low, high = form.format(row[f"{key}_low"]), form.format(row[f"{key}_high"])
    return f"{form.format(row[key])} ({low}..{high})"


def cells(row):
    """What a table shows of a row, as text."""
    unit = row["unit"]
    value = {side: number(row[side], unit) for side in ("ours", "peer")}
    spread = {side: f"{number(row[side + '_p10'], unit)}-{number(row[side + '_p90'], unit)}"
              for side in ("ours", "peer")}
    bar, met = bar_text(row)
    return [row["name"], unit, value["ours"], spread["ours"], row["compared_with"], value["peer"],
            spread["peer"], comparison(row), bar, met, str(row["n"])]


HEADINGS = ["row", "unit", "ours", "p10-p90", "against", "theirs", "p10-p90", "ratio", "bar", "met",
            "n"]


def matrix_lines(matrix):
    """The headings and cells of a matrix, as text."""
    lines = [["", "unit", *matrix["sides"]]]
    for line in matrix["lines"]:
        texts = []
        for side in matrix["sides"]:
            cell = line["sides"].get(side)
            texts.append("" if not cell else number(cell["ours"], line["unit"]) +
                         ("" if side == matrix["base"] else f", {comparison(cell)}"))
        lines.append([line["name"], line["unit"], *texts])
    return lines


def row_lines(rows):
    return [HEADINGS] + [cells(row) for row in rows]


def text_table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def markdown_table(lines):
    headings, *rest = lines
    return "\n".join("| " + " | ".join(line) + " |"
                     for line in [headings, ["---"] * len(headings), *rest])
