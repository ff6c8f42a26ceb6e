# shellcheck shell=bash
# tidy: what the tree promises about itself.

bats_require_minimum_version 1.5.0

setup() { cd "$BATS_TEST_DIRNAME/../.." || return; }

# The floors, from the ground up; nobody includes what is above.
floors=(messages storage actors bus sim cli)

@test "no floor includes one above it" {
    local i j found=
    for ((i = 0; i < ${#floors[@]}; i++)); do
        for ((j = i + 1; j < ${#floors[@]}; j++)); do
            found+=$(grep -rn "#include \"${floors[j]}/" "${floors[i]}" || true)
        done
        found+=$(grep -rn '#include "tests/' "${floors[i]}" || true)
        [[ ${floors[i]} == cli ]] || found+=$(grep -rn '#include "bench/' "${floors[i]}" || true)
    done
    found+=$(grep -nE '#include "(storage|actors|bus|sim|cli|tests)/' bench/{histogram,load,requests}.* || true)
    echo "$found"
    [[ -z $found ]]
}

@test "the bus includes no actor, only what all actors are" {
    run grep -rnE '#include "actors/' bus --include='*.?pp'
    run -1 grep -vE 'actors/(actor|context)\.hpp' <<<"$output"
}

@test "the simulator knows nothing of the bus" {
    run -1 grep -rnE '#include "bus/' sim tests/sim tests/planted
}

@test "clocks, randomness, threads and locks are the bus's" {
    run -1 grep -rnE 'steady_clock::now|system_clock::now|random_device|sleep_for|std::mutex|thread_local|std::thread|#include <zmq' \
        messages actors storage sim --include='*.?pp' --exclude='disk_posix.*'
}

@test "four files know RocksDB" {
    run grep -rlE '#include <rocksdb' messages storage actors bus sim cli
    [[ $(sort <<<"$output" | paste -sd ' ') == 'storage/kv_archive.cpp storage/kv_rocksdb.cpp storage/rocksdb_hidden.hpp storage/state_files.hpp' ]]
}

@test "no file is longer than 500 lines" {
    local long
    long=$(find messages storage actors bus sim cli bench tests launch -type f \
        \( -name '*.?pp' -o -name '*.py' -o -name '*.sh' -o -name '*.bats' \) -exec wc -l {} + |
        awk '$2 != "total" && $1 > 500')
    echo "$long"
    [[ -z $long ]]
}

@test "every test source is built" {
    local file
    for file in tests/*/*_test.cpp; do
        grep -qw "$(basename "$file")" "$(dirname "$file")/CMakeLists.txt" || {
            echo "$file is in no CMakeLists.txt"
            return 1
        }
    done
}
