# shellcheck shell=bash
# three-logs: bench/three_logs.cpp, what the disk gives three writers that have nothing else to do.
#
# Owns: its files. Must not know: the other contestants.

readonly group_bytes_max=1048576 # as much as raftbus packs into one batch

three_logs_version() { echo "of this checkout"; }

three_logs_settings() {
    echo "load      three threads, each pwrite and fdatasync of a group of values, in full files"
    echo "group     half of what raftbus is given in flight, for one half gathers while the other"
    echo "          is synced; at most 1 MiB, raftbus' batch"
}

three_logs_start() { :; }
three_logs_stop() { :; }
three_logs_works() { printf '%s\n' 'set 256 1024' 'set 64 65536'; }

# three_logs_load WORK CONCURRENCY VALUE_BYTES
three_logs_load() {
    local group=$(($2 / 2))
    ((group * $3 <= group_bytes_max)) || group=$((group_bytes_max / $3))
    await "$build/bench/three_logs" "$work" "$3" "$group" "$seconds" "$warm_up" || return 1
    read_json
}
