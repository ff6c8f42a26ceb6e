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
        if ! alive "$probe" || ((tries-- == 0)); then
            fail "no probe: $*" "$(tail -n 3 "$work/probe.err")"
        fi
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
    need sleep 2
    nodes=$(call "$1" pids | wc -l)
    ticks=$(getconf CLK_TCK)
    before=$(cpu_ticks "$1")
    need sleep "$idle_seconds"
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
    need sleep 5
    for pid in $(call "$1" pids); do
        resident=$(awk '/^VmRSS/ {printf "%.1f", $2 * 1024 / 1e6}' "/proc/$pid/status")
        told "$1" memory MB "$resident"
    done
    for directory in $(call "$1" data); do
        told "$1" disk MB "$(du -sB1 "$directory" | awk '{printf "%.1f", $1 / 1e6}')"
    done
}

# The answer has a line "METRIC VALUE" for each. Both sides have a descriptor for each connection.
figure_connections() {
    local metric value
    if (($(ulimit -n) < many_connections + 1000)); then
        say "figure   left out: $many_connections connections, for 'ulimit -n' is $(ulimit -n)"
        return 0
    fi
    call "$1" connections
    while read -r metric value; do
        told "$1" connections "$metric" "$value"
    done <"$work/answer"
}

# ---- all of them

# Each from a fresh start: what came before must not be found in memory or on disk.
figures_all() {
    local contestant figures
    round=1
    for contestant in "${contestants[@]}"; do
        for figures in quiet full crowded; do
            "figures_$figures" "$contestant"
        done
    done
}

figures_quiet() {
    knows "$1" pids || return 0
    call "$1" start
    call "$1" fill "$keys"
    figure_idle "$1"
    ! knows "$1" failover || trials_of "$1" failover
    call "$1" stop
}

figures_full() {
    knows "$1" data || return 0
    call "$1" start
    figure_size "$1"
    trials_of "$1" restart
    call "$1" stop
}

figures_crowded() {
    knows "$1" connections || return 0
    call "$1" start
    call "$1" fill "$keys"
    figure_connections "$1"
    call "$1" stop
}
