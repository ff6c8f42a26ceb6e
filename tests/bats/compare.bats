#!/usr/bin/env bats
# bench/compare.sh, as far as it goes without installing or measuring anything.

load helpers

setup() {
    out=$BATS_TEST_TMPDIR/out
    mkdir "$out"
}

compare() { "$top/bench/compare.sh" "$@"; }
table() { PYTHONDONTWRITEBYTECODE=1 python3 "$top/bench/compare_table.py" "$@"; }

# row LABEL: that row of the table.
row() { grep -F "| $1 |" "$out/table.md"; }

# results ROW...: a file of them, with blanks for tabs.
results() {
    printf '%s\n' 'round contestant work concurrency value_bytes metric value' "$@" |
        tr ' ' '\t' >"$out/results.tsv"
}

@test "shellcheck finds nothing" {
    cd "$top"
    shellcheck -x -a bench/compare.sh
}

@test "it explains itself, on stdout" {
    run -0 --separate-stderr compare help
    [[ $output == *"usage: bench/compare.sh"*--only*--rounds*--quick*--out* ]]
    [ -z "$stderr" ]
    run -0 compare --help
}

@test "a wrong word is refused before anything is done, with the way to help" {
    cd "$BATS_TEST_TMPDIR"
    local words
    for words in --sceonds nonsense '--only raftbus,cassandra' '--only' '--rounds 0' \
        '--rounds many' '--seconds -1' '--out' '--no-loads --no-figures'; do
        # shellcheck disable=SC2086 # they are words
        run -2 compare $words
        says "compare.sh: " "compare.sh help"
    done
    run -2 compare --only raftbus,cassandra
    says "no contestant 'cassandra'" raftbus etcd
    [ ! -e compare-results ]
}

@test "each contestant has what is called of all" {
    local contestant function
    for contestant in raftbus floor three-logs etcd redis redis-replicated; do
        for function in start stop works load version settings; do
            grep -q "^${contestant//-/_}_$function()" "$top/bench/contestants/$contestant.sh"
        done
    done
}

@test "the table of canned results" {
    cp "$top/tests/bench/compare/results.tsv" "$out"
    run -0 --separate-stderr table "$out"
    [ "$output" = "$(<"$out/table.md")" ]
    diff -u "$top/tests/bench/compare/table.md" "$out/table.md"
}

@test "the median of the rounds counts, not the mean and not the last" {
    results '1 raftbus set 256 64 ops 100' '2 raftbus set 256 64 ops 900' \
        '3 raftbus set 256 64 ops 110' '1 etcd set 256 64 ops 10' '2 etcd set 256 64 ops 12' \
        '3 etcd set 256 64 ops 11'
    table "$out"
    row 'durable SET, 256 in flight' | grep -qF '| 110/s | 11.0/s (10.0×) |'
}

@test "what was not measured is left out, what one lacks is a dash" {
    results '1 etcd set 1024 64 ops 23100' '1 redis set 256 64 ops 97600'
    table "$out"
    [ "$(row 'durable SET, 256 in flight')" = '| durable SET, 256 in flight | – | 97.6k/s |' ]
    [ "$(row 'durable SET, 1,024 in flight')" = '| durable SET, 1,024 in flight | 23.1k/s | – |' ]
    run -1 grep -E 'GET|failover|raftbus \|' "$out/table.md"
}

@test "results that are none are an error of one line" {
    run -1 table "$out"
    says results.tsv
    echo 'nothing of the kind' >"$out/results.tsv"
    run -1 table "$out"
    says "no results"
    results '1 raftbus set many 64 ops 1'
    run -1 table "$out"
    [ "${#lines[@]}" = 1 ]
}

@test "both pictures are drawn, as far as gnuplot is here" {
    cp "$top/tests/bench/compare/results.tsv" "$out"
    table "$out" --gnuplot "$out/plot.gp"
    grep -qF "$out/throughput.svg" "$out/plot.gp"
    grep -qF "$out/latency.svg" "$out/plot.gp"
    command -v gnuplot >/dev/null || return 0 # nothing is installed for a test
    gnuplot "$out/plot.gp"
    grep -q '</svg>' "$out/throughput.svg"
    grep -q '</svg>' "$out/latency.svg"
    grep -q 'redis, replicated' "$out/latency.svg"
}
