# shellcheck shell=bash
# figures: what is told of a contestant besides its loads: failover, memory, disk, restart, an idle
# cluster, connections. Sourced by compare.sh.
#
# Owns: in which order, and how often. Must not know: how a contestant does it: it is measured what
# its file has a function for.

many_connections=10000
many_watches=1000
probe=  # the pid of what waits for a node to serve
figure= # what the last trial gave

# begin_probe COMMAND...: begins to ask until it is answered. Returns once it asks.
begin_probe() {
    local tries=500
    rm -f "$work/probe"
    (cd "$work" && exec "$@") </dev/null >"$work/probe" 2>"$work/probe.err" 9>&- &
    probe=$!
    until [[ -s $work/probe ]]; do # it says that it is ready
        alive "$probe" && ((tries-- > 0)) || fail "no probe: $*" "$(tail -n 3 "$work/probe.err")"
        sleep 0.02
    done
}

# end_probe BEGUN: waits for it; sets figure to the milliseconds since then (us since 1970).
end_probe() {
    local served
    client=$probe probe=
    wait "$client" || fail "the node never served" "$(tail -n 3 "$work/probe.err")"
    client=
    served=$(tail -n 1 "$work/probe")
    figure=$(awk -v served="$served" -v begun="$1" 'BEGIN {printf "%.1f", (served - begun) / 1000}')
}

# told CONTESTANT WORK METRIC VALUE: into the results and on stderr.
told() {
    record "$1" "$2" 0 0 "$3" "$4"
    printf 'figure   %-16s %-24s %s\n' "$1" "$2 ($3)" "$4" >&2
}

# trials_of CONTESTANT WORK: each of them is one value; the table takes the median.
trials_of() {
    for ((round = 1; round <= trials; round++)); do
        call "$1" "$2"
        told "$1" "$2" ms "$figure"
    done
    round=1
}

# ---- one figure each

# Of the processes' CPU time, in % of one core a node.
figure_idle() {
    local before after nodes ticks
    sleep 2
    nodes=$(call "$1" pids | wc -l)
    ticks=$(getconf CLK_TCK)
    before=$(cpu_ticks "$1")
    sleep "$idle_seconds"
    after=$(cpu_ticks "$1")
    told "$1" idle percent "$(awk -v t=$((after - before)) -v s="$idle_seconds" -v n="$nodes" \
        -v hz="$ticks" 'BEGIN {printf "%.2f", 100 * t / hz / s / n}')"
}

# utime and stime of all nodes. What stands before ") " may hold blanks.
cpu_ticks() {
    local pid
    for pid in $(call "$1" pids); do
        sed 's/.*) //' "/proc/$pid/stat"
    done | awk '{sum += $12 + $13} END {print sum}'
}

# Of each node with many keys, as found when all is quiet.
figure_size() {
    local pid directory resident
    call "$1" fill "$many_keys"
    told "$1" size keys "$many_keys"
    sleep 5
    for pid in $(call "$1" pids); do
        resident=$(awk '/^VmRSS/ {printf "%.1f", $2 * 1024 / 1e6}' "/proc/$pid/status")
        told "$1" memory MB "$resident"
    done
    for directory in $(call "$1" data); do
        told "$1" disk MB "$(du -sB1 "$directory" | awk '{printf "%.1f", $1 / 1e6}')"
    done
}

# The answer has a line "METRIC VALUE" for each.
figure_connections() {
    local metric value
    call "$1" connections
    while read -r metric value; do
        told "$1" connections "$metric" "$value"
    done <"$work/answer"
}

# ---- all of them

# Each contestant that has any: from a fresh start, from small to large.
figures_all() {
    local contestant
    round=1
    for contestant in "${contestants[@]}"; do
        knows "$contestant" pids || continue
        call "$contestant" start
        figure_idle "$contestant"
        ! knows "$contestant" connections || figure_connections "$contestant"
        ! knows "$contestant" failover || trials_of "$contestant" failover
        if knows "$contestant" data; then figure_size "$contestant"; fi
        ! knows "$contestant" restart || trials_of "$contestant" restart
        call "$contestant" stop
    done
}
