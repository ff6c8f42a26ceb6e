# shellcheck shell=bash
# redis-replicated: a node and two replicas, each as in redis.sh, and WAIT 1 after each SET.
#
# Owns: its three processes. Must not know: the other contestants, but for redis.sh.

redis_replicated_version() { redis-server --version; }

redis_replicated_settings() {
    echo "nodes     3, one of them the master; appendonly yes, appendfsync always, no RDB snapshots"
    echo "load      contestants/wait_load.cpp, a connection for each request outstanding, SET and"
    echo "          WAIT 1 in one go; counted when both are answered and a replica has the write"
}

redis_replicated_start() {
    local i
    redis_launch redis-0 "$port" --repl-diskless-sync-delay 0
    await_port "$port" redis-0
    for i in 1 2; do
        redis_launch "redis-$i" $((port + i)) --replicaof 127.0.0.1 "$port"
        await_port $((port + i)) "redis-$i"
    done
    redis_replicated_settle
}

redis_replicated_fill() { redis_fill "$1"; }

# Until both replicas follow.
redis_replicated_settle() {
    local i told tries=600
    for i in 1 2; do
        until told=$(redis-cli -p $((port + i)) info replication 2>&1) &&
            [[ $told == *master_link_status:up* ]]; do
            ((tries-- > 0)) ||
                fail "redis' replica $i does not follow" "$(tail -n 5 "$work/redis-$i.log")"
            sleep 0.1
        done
    done
}

redis_replicated_stop() {
    halt redis-0 redis-1 redis-2
    rm -rf "$work"/redis-*
}

redis_replicated_works() { usual_works set; }

# redis_replicated_load WORK CONCURRENCY VALUE_BYTES
redis_replicated_load() {
    await_load "$build/bench/wait_load" "$port" "$2" "$3" "$keys" "$seconds" "$warm_up" || return 1
    read_json
}

redis_replicated_pids() { printf '%s\n' "${pids[redis-0]}" "${pids[redis-1]}" "${pids[redis-2]}"; }
