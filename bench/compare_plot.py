"""Two pictures of the loads, as a script for gnuplot: throughput over concurrency, latency over
throughput; SET at the left, GET at the right.

Owns: colours and marks, which tell the contestants apart without the colours too.
"""

# Of Okabe and Ito, which the colour-blind can tell apart; a mark of its own for each.
STYLES = {
    "raftbus": ("#D55E00", 7, 3),
    "floor": ("#000000", 4, 2),
    "etcd": ("#0072B2", 9, 2),
    "redis": ("#009E73", 5, 2),
    "redis, pipelined": ("#E69F00", 11, 2),
    "redis, replicated": ("#CC79A7", 13, 2),
}
SOURCES = {
    "raftbus": ("raftbus", ""),
    "floor": ("floor", ""),
    "etcd": ("etcd", ""),
    "redis": ("redis", ""),
    "redis, pipelined": ("redis", "-pipelined"),
    "redis, replicated": ("redis-replicated", ""),
}
OPS = (("set", "durable SET"), ("get", "linearizable GET (redis: of its only node)"))

HEAD = """\
set terminal svg size 1100,{height} font 'sans-serif,13' background 'white'
set output '{file}'
set multiplot layout 1,2
set logscale xy
set grid xtics ytics linecolor '#cccccc' linewidth 1
set border 3
set tics nomirror
set key below maxrows 3
set format y '{y_format}'
"""


def points(results, line, op):
    """(concurrency, ops, p50, p99) of one line, by concurrency."""
    contestant, ending = SOURCES[line]
    found = []
    for load in results.loads():
        if (load.contestant, load.work, load.value_bytes) == (contestant, op + ending, 64):
            figures = [results.median(load, metric) for metric in ("ops", "p50", "p99")]
            if None not in figures:
                found.append((load.concurrency, *figures))
    return sorted(found)


def blocks(results, op):
    """Gnuplot's data blocks, and the lines that have any."""
    text, lines = "", []
    for number, line in enumerate(STYLES):
        rows = points(results, line, op)
        if rows:
            lines.append((f"${op}_{number}", line))
            text += f"${op}_{number} << END\n" + "".join(
                " ".join(f"{value:g}" for value in row) + "\n" for row in rows) + "END\n"
    return text, lines


def curve(block, using, line, title, dashed=False):
    colour, mark, width = STYLES[line]
    return (f"{block} using {using} with linespoints linecolor '{colour}' pointtype {mark} "
            f"pointsize 0.7 linewidth {width} dashtype {2 if dashed else 1} title '{title}'")


def plot(curves):
    # An empty half keeps its place.
    return "plot " + ", \\\n    ".join(curves) + "\n" if curves else "set multiplot next\n"


def throughput_picture(results, file):
    text = HEAD.format(file=file, height=520, y_format="%.0s%c")
    text += "set xlabel 'requests in flight'\nset ylabel 'operations a second'\n"
    text += "set xrange [0.8:1300]\nset xtics (1, 16, 64, 256, 1024)\n"
    for op, title in OPS:
        data, lines = blocks(results, op)
        text += data + f"set title '{title}'\n"
        text += plot([curve(block, "1:2", line, line) for block, line in lines])
    return text + "unset multiplot\n"


def latency_picture(results, file):
    text = HEAD.format(file=file, height=560, y_format="%g")
    text += "set xlabel 'operations a second'\nset format x '%.0s%c'\n"
    text += "set ylabel 'latency, ms: median (solid), p99 (dashed)'\n"
    for op, title in OPS:
        data, lines = blocks(results, op)
        text += data + f"set title '{title}'\n"
        curves = []
        for block, line in lines:
            curves += [curve(block, "2:($3/1000)", line, line),
                       curve(block, "2:($4/1000)", line, "", dashed=True)]
        text += plot(curves)
    return text + "unset multiplot\n"


def script(results, directory):
    """Both, into throughput.svg and latency.svg of the directory."""
    def quoted(name):
        return str(directory / name).replace("'", "''")

    return (throughput_picture(results, quoted("throughput.svg")) + "reset\n"
            + latency_picture(results, quoted("latency.svg")))
