# shellcheck shell=bash
# redis: one node that syncs every write before it answers, loaded by redis-benchmark.
#
# Owns: its process. Must not know: the other contestants, but for redis-replicated, which borrows
# from here.

readonly redis_pipeline=16

redis_version() { redis-server --version; }

redis_settings() {
    echo "nodes     1, appendonly yes, appendfsync always, no RDB snapshots"
    echo "load      redis-benchmark, a connection for each request outstanding; '-pipelined' one"
    echo "          for each $redis_pipeline of them, which are sent and answered together"
}

# redis_launch NAME PORT OPTIONS...
redis_launch() {
    local name=$1 at=$2
    shift 2
    mkdir -p "$work/$name.data"
    launch "$name" redis-server --port "$at" --bind 127.0.0.1 --dir "$work/$name.data" \
        --appendonly yes --appendfsync always --save '' "$@"
}

redis_start() {
    redis_launch redis "$port"
    await_port "$port" redis
}

redis_stop() {
    halt redis
    rm -rf "$work/redis.data" "$work/redis.log"
}

redis_works() {
    usual_works set get
    printf '%s\n' {set,get}-pipelined\ {64,256,1024}\ 64
}

# redis-benchmark stops after a number of requests, not after a time, so a short load says how many.
# redis_load WORK CONCURRENCY VALUE_BYTES
redis_load() {
    local op=${1%%-*} count=$(($2 * 20 + 500)) pipeline=1 clients_=$2 span
    [[ $1 != *-pipelined ]] || pipeline=$redis_pipeline clients_=$(($2 / redis_pipeline))
    for span in "$warm_up" "$seconds" 0; do
        await_load redis-benchmark -p "$port" -t "$op" -r "$keys" -d "$3" -c "$clients_" \
            -P "$pipeline" -n "$count" --csv || return 1
        redis_read_csv || return 1
        count=$(awk -v ops="${measured[0]}" -v span="$span" 'BEGIN {printf "%d", ops * span + 1}')
    done
}

# "test","rps","avg","min","p50","p95","p99","max", in ms. There is no p90.
redis_read_csv() {
    local line
    errors=
    line=$(tail -n 1 "$work/answer" | tr -d '"')
    line=$(awk -F, 'NF == 8 {print $2, $5 * 1000, "-", $7 * 1000, $8 * 1000}' <<<"$line")
    read -r -a measured <<<"$line"
    ((${#measured[@]} == 5))
}

# redis_fill KEYS: the keys that redis-benchmark draws from.
redis_fill() {
    awk -v keys="$1" 'BEGIN {
        value = sprintf("%64s", ""); gsub(/ /, "v", value)
        for (i = 0; i < keys; i++) printf "SET key:%012d %s\r\n", i, value
    }' | redis-cli -p "$port" --pipe >"$work/answer" 2>&1 || fail "redis: no keys" "$(answered)"
}

redis_pids() { echo "${pids[redis]}"; }
redis_data() { echo "$work/redis.data"; }

# redis_restart: of the only node; milliseconds until it answers a read.
redis_restart() {
    local begun
    crash redis
    sleep 1
    begin_probe "$python" "$here/probe.py" redis-serving "$port"
    begun=$(now_us)
    redis_launch redis "$port"
    end_probe "$begun"
}
