# shellcheck shell=bash
# floor: bench/floor.cpp, the least that replicates durably over ZeroMQ, loaded by `raftbus bench`.
#
# Owns: its three processes. Must not know: the other contestants.

floor_version() { echo "of this checkout"; }

floor_settings() {
    echo "nodes     a leader and two followers; each log is zero-filled ahead and wraps"
    echo "load      raftbus bench at the leader; '-spread' over $many_spread connections"
}

floor_start() {
    local program=$build/bench/floor i
    for i in 1 2; do
        launch "floor-$i" "$program" follower "tcp://127.0.0.1:$((port + i))" "$work/floor-$i.data"
    done
    for i in 1 2; do
        await_port $((port + i)) "floor-$i"
    done
    launch floor-0 "$program" leader "tcp://127.0.0.1:$port" "tcp://127.0.0.1:$((port + 1))" \
        "tcp://127.0.0.1:$((port + 2))" "$work/floor-0.data"
    await_port "$port" floor-0
}

floor_stop() {
    halt floor-0 floor-1 floor-2
    rm -f "$work"/floor-*
}

floor_works() {
    usual_works set get
    printf '%s\n' {set,get}-spread\ 256\ 64 'set 256 1024' 'set 64 65536'
}

# floor_load WORK CONCURRENCY VALUE_BYTES
floor_load() {
    spread_as "${1#*-}" "$2"
    await "$bin" bench -e "127.0.0.1:$port" -o json --op "${1%%-*}" --clients "$clients" \
        --in-flight "$each" --value-bytes "$3" --keys "$keys" --seconds "$seconds" \
        --warm-up "$warm_up" --prepare off --to endpoints || return 1
    read_json
}
