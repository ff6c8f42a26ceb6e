"""Makes of results.tsv what people read: table.md, and a script that has gnuplot draw two pictures.

    compare_table.py DIRECTORY [--gnuplot FILE]

Owns: medians, ratios, how numbers are written. Must not know: how anything was measured.
"""

import argparse
import collections
import csv
import pathlib
import statistics
import sys

import compare_plot

Load = collections.namedtuple("Load", "contestant work concurrency value_bytes")

# Column of the table: the contestant in the results, and what its loads' names end in.
COLUMNS = {
    "raftbus": ("raftbus", ""),
    "floor": ("floor", ""),
    "three logs": ("three-logs", ""),
    "etcd": ("etcd", ""),
    "redis": ("redis", ""),
    "redis, pipelined": ("redis", "-pipelined"),
    "redis, replicated": ("redis-replicated", ""),
}
KEY_BYTES = 16
VALUE_BYTES = 64


class Results:
    """Every value of every round, and their medians."""

    def __init__(self, lines):
        self.values = collections.defaultdict(list)
        for row in csv.DictReader(lines, delimiter="\t"):
            load = Load(row["contestant"], row["work"], int(row["concurrency"]),
                        int(row["value_bytes"]))
            self.values[load, row["metric"]].append(float(row["value"]))

    def median(self, load, metric, of=statistics.median):
        """Or what else of all values is wanted. None if it was not measured."""
        values = self.values.get((load, metric))
        return of(values) if values else None

    def loads(self):
        """All that were measured, in the order they first came."""
        return list(dict.fromkeys(load for load, metric in self.values if metric == "ops"))

    def at(self, column, work, metric, concurrency=0, value_bytes=0, of=statistics.median):
        contestant, ending = COLUMNS[column]
        return self.median(Load(contestant, work + ending, concurrency, value_bytes), metric, of)


# ---- numbers as text


def short(number):
    """Three digits that count: 1.23, 12.3, 123, 12.3k, 1.23M."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * limit and (unit == "M" or abs(number) >= 1e4 * 0.9995):
            return short(number / limit) + unit
    if abs(number) >= 99.95:
        return f"{number:.0f}"
    return f"{number:.1f}" if abs(number) >= 9.995 else f"{number:.2f}"


def ratio(number):
    return f"{number:.2g}×" if number < 0.0995 else short(number) + "×"


def throughput(number):
    return short(number) + "/s"


def latency(us):
    return f"{short(us)} µs" if us < 1000 else f"{short(us / 1000)} ms"


def megabytes_a_second(number):
    return short(number / 1e6) + " MB/s"


def milliseconds(number):
    return short(number) + " ms"


def megabytes(number):
    return short(number) + " MB"


def percent(number):
    return f"{number:.2f} %"


# ---- the table of works


def compared(results, label, text, work, metric, *where, scale=1.0, of=statistics.median):
    """A row with a cell for each contestant that has the figure: [label, {column: cell}]."""
    figures = {column: results.at(column, work, metric, *where, of=of) for column in COLUMNS}
    figures = {column: value * scale for column, value in figures.items() if value is not None}
    own = figures.get("raftbus")
    cells = {}
    for column, figure in figures.items():
        cells[column] = text(figure)
        if own is not None and column != "raftbus" and figure > 0:
            cells[column] += f" ({ratio(own / figure)})"
    return [label, cells]


def elsewhere(results):
    """raftbus alone: the same loads at other nodes than the leader."""
    return [beside_the_leader(results, work, where, concurrency)
            for where in ("followers", "all") for concurrency in (256, 1024)
            for work in ("set", "get")]


def beside_the_leader(results, work, where, concurrency):
    label = (f"{work.upper()} at {'all nodes' if where == 'all' else where}, "
             f"{concurrency:,} in flight")
    figure = results.at("raftbus", f"{work}-{where}", "ops", concurrency, VALUE_BYTES)
    leader = results.at("raftbus", work, "ops", concurrency, VALUE_BYTES)
    if not figure or not leader:
        return [label, {}]
    return [label, {"raftbus": f"{throughput(figure)} = {short(figure / leader)}× the leader's"}]


def tail_of_half(results, label, work):
    p50, p99 = (results.at("raftbus", f"{work}-half", part, 1024, VALUE_BYTES)
                for part in ("p50", "p99"))
    if not p50 or not p99:
        return [label, {}]
    return [label, {"raftbus": f"{latency(p99)} = {short(p99 / p50)}× the median"}]


def connections(results):
    def figure(metric):
        return results.at("raftbus", "connections", metric)

    if figure("connection_KiB") is None:
        return []
    return [
        [f"{figure('connections'):,.0f} connections, memory of each",
         {"raftbus": f"{short(figure('connection_KiB'))} KiB"}],
        [f"{figure('watches'):,.0f} watches, memory of each",
         {"raftbus": f"{short(max(0, figure('watch_KiB')))} KiB"}],
        ["a write until all of them are told", {"raftbus": milliseconds(figure("all_told_ms"))}],
    ]


def sizes(results):
    keys = next((results.at(column, "size", "keys") for column in COLUMNS
                 if results.at(column, "size", "keys")), None)
    if keys is None:
        return []
    with_keys = f"with {keys:,.0f} keys"
    memory = compared(results, f"memory of the largest node {with_keys}", megabytes, "memory", "MB",
                      of=max)
    disk = compared(results, "disk of the same; × its keys and values", megabytes, "disk", "MB",
                    of=max)
    for column, cell in disk[1].items():
        times = results.at(column, "disk", "MB", of=max) * 1e6 / (keys * (KEY_BYTES + VALUE_BYTES))
        disk[1][column] = f"{cell}; {short(times)}×"
    restart = compared(results, f"restart {with_keys}, until it serves", milliseconds, "restart",
                       "ms")
    return [memory, disk, restart]


def work_rows(results):
    rows = [
        compared(results, "durable SET, 256 in flight", throughput, "set", "ops", 256, 64),
        compared(results, "the same, spread over more connections", throughput, "set-spread",
                 "ops", 256, 64),
        compared(results, "durable SET, 1,024 in flight", throughput, "set", "ops", 1024, 64),
        compared(results, "durable SET, one at a time: median", latency, "set", "p50", 1, 64),
        compared(results, "linearizable GET, 256 in flight", throughput, "get", "ops", 256, 64),
        compared(results, "the same, spread over more connections", throughput, "get-spread",
                 "ops", 256, 64),
        compared(results, "linearizable GET, 1,024 in flight", throughput, "get", "ops", 1024, 64),
        compared(results, "linearizable GET, one at a time: median", latency, "get", "p50", 1, 64),
        *elsewhere(results),
        compared(results, "SET of 1 KiB, 256 in flight", megabytes_a_second, "set", "ops",
                 256, 1024, scale=1024),
        compared(results, "SET of 64 KiB, 64 in flight", megabytes_a_second, "set", "ops",
                 64, 65536, scale=65536),
        tail_of_half(results, "SET at half of the top throughput: p99", "set"),
        tail_of_half(results, "GET at half of the top throughput: p99", "get"),
        compared(results, "failover after kill -9 of the leader", milliseconds, "failover", "ms"),
        *sizes(results),
        compared(results, "idle cluster: of one core a node", percent, "idle", "percent"),
        *connections(results),
    ]
    return [row for row in rows if row[1]]


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def works_table(results):
    rows = work_rows(results)
    columns = [column for column in COLUMNS if any(column in cells for _, cells in rows)]
    return markdown(["work", *columns], [[label, *(cells.get(column, "–") for column in columns)]
                                         for label, cells in rows])


def loads_table(results):
    rows = []
    for load in results.loads():
        figures = [results.median(load, metric) for metric in ("ops", "p50", "p90", "p99", "max")]
        spread = results.values[load, "ops"]
        failed = " with errors" if results.median(load, "errors") else ""
        rows.append([load.contestant, load.work + failed, str(load.concurrency),
                     str(load.value_bytes), throughput(figures[0]),
                     f"{short(min(spread))}–{short(max(spread))}",
                     *(latency(f) if f is not None else "–" for f in figures[1:])])
    return markdown(["contestant", "load", "in flight", "bytes", "median", "of rounds", "p50",
                     "p90", "p99", "max"], rows)


def page(results):
    lines = []
    works = works_table(results)
    if len(works) > 2:
        lines += ["Medians of all rounds. In brackets: raftbus' figure divided by this one.", "",
                  *works]
    loads = loads_table(results)
    if len(loads) > 2:
        lines += ["", "## All loads", "", *loads]
    return "\n".join(lines).strip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--gnuplot", type=pathlib.Path, help="write gnuplot's script here")
    chosen = parser.parse_args()
    try:
        with open(chosen.directory / "results.tsv", encoding="utf-8", newline="") as lines:
            results = Results(lines)
    except (OSError, KeyError, TypeError, ValueError) as wrong:
        sys.exit(f"compare_table.py: {chosen.directory}/results.tsv: {wrong!r}")
    if not results.values:
        sys.exit(f"compare_table.py: {chosen.directory}/results.tsv holds no results")
    text = page(results)
    (chosen.directory / "table.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    if chosen.gnuplot:
        chosen.gnuplot.write_text(compare_plot.script(results, chosen.directory), encoding="utf-8")


if __name__ == "__main__":
    main()
