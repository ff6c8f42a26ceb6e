# shellcheck shell=bash
# raftbus: three nodes with their defaults, run by launch/cluster.sh, loaded by `raftbus bench`.
#
# Owns: that cluster. Must not know: the other contestants.

raftbus_cluster() {
    RAFTBUS_HOME=$work/raftbus RAFTBUS_PORT=$port RAFTBUS_BIN=${raftbus_program:-$bin} \
        "$top/launch/cluster.sh" "$@" >>"$work/raftbus.log" 2>&1
}

raftbus_version() { "$bin" --version; }

raftbus_settings() {
    echo "nodes     3, with their defaults (launch/cluster.sh up)"
    echo "load      raftbus bench at the leader, linearizable reads; '-followers' at the other two,"
    echo "          '-all' at all, '-half' at half of the best throughput, '-spread' over"
    echo "          $many_spread connections"
}

raftbus_endpoints() { echo "127.0.0.1:$port,127.0.0.1:$((port + 10)),127.0.0.1:$((port + 20))"; }

raftbus_start() {
    raftbus_cluster up || fail "raftbus does not start" "$(tail -n 5 "$work/raftbus.log")"
}

raftbus_stop() {
    raftbus_cluster down || fail "raftbus does not stop" "$(tail -n 5 "$work/raftbus.log")"
    raftbus_cluster wipe
}

raftbus_works() {
    usual_works set get
    printf '%s\n' {set,get}-half\ 1024\ 64 {set,get}-{followers,all}\ {256,1024}\ 64
    # Last, for they leave large values at some of the keys.
    printf '%s\n' {set,get}-spread\ 256\ 64 'set 256 1024' 'set 64 65536'
}

# raftbus_load WORK CONCURRENCY VALUE_BYTES. '-half' is at half of the best throughput so far.
raftbus_load() {
    local op=${1%%-*} how=${1#*-} options=(--to leader) drawn=$keys
    case $how in
    followers | all) options=(--to "$how") ;;
    half) options+=(--rate $((${best[$op]:-2} / 2))) ;;
    esac
    (($3 < 65536)) || drawn=1000 # the log is measured, not how the state grows
    spread_as "$how" "$2"
    await "$bin" bench -e "$(raftbus_endpoints)" -o json --op "$op" --clients "$clients" \
        --in-flight "$each" --value-bytes "$3" --keys "$drawn" --seconds "$seconds" \
        --warm-up "$warm_up" --prepare off "${options[@]}" || return 1
    read_json
}

# raftbus_fill KEYS: writes that many, with 64 bytes each.
raftbus_fill() {
    need "$bin" bench -e "$(raftbus_endpoints)" -o json -t 60s --op get --keys "$1" --count 1
}

raftbus_pid() { cat "$work/raftbus/n$1.pid"; }
raftbus_pids() { cat "$work/raftbus"/n?.pid; }
raftbus_data() { printf '%s\n' "$work/raftbus/n"{1,2,3}; }

# raftbus_node ROLE: a node that has it.
raftbus_node() {
    "$bin" status -e "$(raftbus_endpoints)" -o text |
        awk -v role="$1" '$2 == role {node = $1} END {print node}'
}

raftbus_client_of() { echo "tcp://127.0.0.1:$((port + 10 * ($1 - 1)))"; }

# Until every node has applied what the leader has committed.
raftbus_settle() {
    local tries=600
    until "$bin" status -e "$(raftbus_endpoints)" -o text |
        awk '$2 == "leader" {led = 1} NR > 1 && $8 ~ /^[0-9]+$/ {n++; seen[$8] = 1}
             END {for (i in seen) k++; exit !(led && n == 3 && k == 1)}'; do
        ((tries-- > 0)) || fail "raftbus does not settle" "$(tail -n 5 "$work/raftbus.log")"
        sleep 0.1
    done
}

# raftbus_failover: kills the leader; prints milliseconds to the next acknowledged write.
raftbus_failover() {
    local leader i survivors=()
    raftbus_settle
    leader=$(raftbus_node leader)
    for i in 1 2 3; do
        ((i == leader)) || survivors+=("$(raftbus_client_of "$i")")
    done
    need "$python" "$here/probe.py" failover "$(raftbus_pid "$leader")" "${survivors[@]}"
    raftbus_cluster start "$leader" || fail "raftbus' node $leader does not come back"
    figure=$(<"$work/answer")
}

# raftbus_restart: kills a follower, starts it; milliseconds until a linearizable read through it.
raftbus_restart() {
    local node raftbus_program=$work/raftbus-timed
    raftbus_settle
    node=$(raftbus_node follower)
    raftbus_cluster kill "$node"
    sleep 1
    write_timed_program "$raftbus_program"
    begin_probe "$python" "$here/probe.py" serving "$(raftbus_client_of "$node")"
    raftbus_cluster start "$node" || fail "raftbus' node $node does not come back"
    end_probe "$(<"$work/raftbus-started")"
}

# write_timed_program FILE: raftbus, that notes when a node starts. cluster.sh has to look around
# before it starts one, and that is not the node's time.
write_timed_program() {
    cat >"$1" <<END
#!/usr/bin/env bash
[[ \$1 != node ]] || echo "\${EPOCHREALTIME/./}" >'$work/raftbus-started'
exec '$bin' "\$@"
END
    chmod +x "$1"
}

# raftbus_connections: many at one follower that ask, then watches on some of them.
raftbus_connections() {
    local node
    raftbus_settle
    node=$(raftbus_node follower)
    need "$python" "$here/probe.py" connections "$(raftbus_client_of "$node")" \
        "$(raftbus_pid "$node")" "$many_connections" "$many_watches"
}
