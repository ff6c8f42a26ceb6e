# shellcheck shell=bash
# etcd: three nodes with their defaults, loaded by etcd_load.go, which uses etcd's own client.
#
# Owns: its three processes. Must not know: the other contestants.

etcd_version() {
    etcd --version | sed -n 's/^etcd Version/etcd/p; s/^Go Version: /built with /p'
}

etcd_settings() {
    echo "nodes     3, with their defaults"
    echo "load      contestants/etcd_load.go with clientv3 at the leader, linearizable reads;"
    echo "          before them some lease grants, for etcd 3.4 reads slowly after many writes"
}

etcd_client_of() { echo "http://127.0.0.1:$((port + 10 * ($1 - 1)))"; }
etcd_peer_of() { echo "http://127.0.0.1:$((port + 10 * ($1 - 1) + 1))"; }
etcd_endpoints() { echo "$(etcd_client_of 1),$(etcd_client_of 2),$(etcd_client_of 3)"; }
need_etcd_load() { need "$build/bench/etcd_load" "$@"; }

# etcd_launch NODE
etcd_launch() {
    local client peer
    client=$(etcd_client_of "$1")
    peer=$(etcd_peer_of "$1")
    launch "etcd-$1" etcd --name "n$1" --data-dir "$work/etcd-$1.data" \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
        --initial-cluster "n1=$(etcd_peer_of 1),n2=$(etcd_peer_of 2),n3=$(etcd_peer_of 3)"
}

etcd_start() {
    local i
    for i in 1 2 3; do
        etcd_launch "$i"
    done
    etcd_settle
}

etcd_stop() {
    halt etcd-1 etcd-2 etcd-3
    rm -rf "$work"/etcd-*
}

etcd_works() { usual_works set get; }

# etcd_load WORK CONCURRENCY VALUE_BYTES
etcd_load() {
    await_load "$build/bench/etcd_load" -op "$1" -endpoints "$(etcd_endpoints)" -concurrency "$2" \
        -connections "$connections" -value-bytes "$3" -keys "$keys" -seconds "$seconds" \
        -warm-up "$warm_up" || return 1
    read_json
}

etcd_fill() {
    need_etcd_load -op fill -endpoints "$(etcd_endpoints)" -keys "$1"
}

# Until all nodes answer linearizable reads, and have applied the same.
etcd_settle() {
    need_etcd_load -op settle -endpoints "$(etcd_endpoints)"
}

etcd_pids() { printf '%s\n' "${pids[etcd-1]}" "${pids[etcd-2]}" "${pids[etcd-3]}"; }
etcd_data() { printf '%s\n' "$work"/etcd-{1,2,3}.data; }

# The number of the leader.
etcd_leader() {
    need_etcd_load -op leader -endpoints "$(etcd_endpoints)"
    leader=$(<"$work/answer")
}

# As raftbus_failover.
etcd_failover() {
    local leader i survivors=()
    etcd_settle
    etcd_leader
    for i in 1 2 3; do
        ((i == leader)) || survivors+=("$(etcd_client_of "$i")")
    done
    need_etcd_load -op failover -endpoints "$(IFS=, && echo "${survivors[*]}")" \
        -kill "${pids[etcd-$leader]}"
    figure=$(<"$work/answer")
    etcd_launch "$leader"
}

# As raftbus_restart.
etcd_restart() {
    local leader node begun
    etcd_settle
    etcd_leader
    node=$((leader % 3 + 1))
    crash "etcd-$node"
    sleep 1
    begin_probe "$build/bench/etcd_load" -op serving -endpoints "$(etcd_client_of "$node")"
    begun=$(now_us)
    etcd_launch "$node"
    end_probe "$begun"
}
