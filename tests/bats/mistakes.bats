#!/usr/bin/env bats
# Typical mistakes: each error names the cause, and mostly what to do. A row: exit code, words that
# are printed (| between), and the command.

load helpers

setup_file() {
    new_home
    cluster up
    export PEERS=127.0.0.1:$((RAFTBUS_PORT + 1)) TRACE=127.0.0.1:$((RAFTBUS_PORT + 3))
}
teardown_file() { drop_home; }

# refused_alike <TABLE: every row does what it says.
refused_alike() {
    local code words command bad=0
    while IFS=';' read -r code words command; do
        [[ -n $code && $code != '#'* ]] || continue
        run bash -c "exec </dev/null; \"\$RAFTBUS_BIN\" $command"
        if [ "$status" != "$code" ] || ! all_of "$words"; then
            printf 'raftbus %s\nexpected %s, with %s; exit %s\n%s\n\n' "$command" "$code" "$words" "$status" "$output" >&2
            bad=1
        fi
    done
    return "$bad"
}
all_of() {
    local word words
    IFS='|' read -ra words <<<"$1"
    for word in "${words[@]}"; do
        [[ $output == *"$word"* ]] || return 1
    done
}

@test "verbs and options" {
    refused_alike <<'END'
2;unknown command|did you mean status;statsu
2;unknown command|did you mean watch;wathc k
2;unknown option --tpye|did you mean --type;trace --tpye Propose
2;--type Propse|did you mean Propose;trace --type Propse
2;--actor gatway|did you mean gateway;trace --actor gatway
2;--node two|write 2 or n2;trace --node two
2;--request x|n1-7f3a-42;trace --request x
2;--consistency fast|linearizable;get k --consistency fast
2;status takes no words|--help;status now
2;set takes KEY VALUE;set k
2;is not a duration|50ms;get k -t soon
2;-t|more than nothing|500ms;get k -t 0
2;is not a whole number from 0 up;scan '' --limit=-5
2;is not a whole number from 0 up;log --from=-1
2;--view needs --trace;sim --view diagram --seed 1
2;--ttl;set k v --ttl=-5s
2;exclude each other;set k v --if-absent --if-revision 4
2;is not a node|write 2 or n2;elect two
2;99;elect 99
2;json;status -o jsn
END
}

@test "addresses and ports" {
    refused_alike <<END
3;the host is unknown|--endpoints;get k -e no-such-host.invalid:7238 -t 3s
3;connection refused|--endpoints;get k -e 127.0.0.1:1 -t 3s
3;connection refused;set k v -e 127.0.0.1:1 -t 3s
2;port for peers|clients connect to tcp://127.0.0.1:$RAFTBUS_PORT;get k -e $PEERS -t 3s
2;port for peers;set k v -e $PEERS -t 3s
3;port for peers|clients connect to;status -e $PEERS -t 3s
3;perhaps a node's port for traces;get k -e $TRACE -t 3s
3;perhaps a node's port for traces;status -e $TRACE -t 3s
2;is not a port;get k -e 127.0.0.1:99999
2;is not;get k -e http://127.0.0.1:7238
2;is not;get k -e "no port:x"
2;empty;get k -e ,
END
}

@test "where there is no launch/cluster.sh nobody is told to start it" {
    cd "$BATS_TEST_TMPDIR"
    run -3 raftbus get k -e 127.0.0.1:1 -t 2s
    [[ $output != *cluster.sh* ]]
    says "--endpoints"
    run -3 raftbus status -e 127.0.0.1:1 -t 2s
    [[ $output != *cluster.sh* ]]
}

@test "values that are too large, from wherever they come" {
    # shellcheck disable=SC2016
    run -2 bash -c 'head -c 20000000 /dev/zero | "$RAFTBUS_BIN" set k - -t 5s'
    says "MiB" "16 MiB at most" "nothing was sent"
    # shellcheck disable=SC2016
    run -2 bash -c '"$RAFTBUS_BIN" set k - -t 5s </dev/zero'
    says "16 MiB at most"
    # shellcheck disable=SC2016
    run -2 bash -c 'head -c 2000000 /dev/zero | "$RAFTBUS_BIN" set k -'
    says "TOO_LARGE" "1048576"
}

@test "files: missing, forbidden, folders, full disks" {
    local file=$BATS_TEST_TMPDIR/file
    mkdir "$BATS_TEST_TMPDIR/folder"
    export FOLDER=$BATS_TEST_TMPDIR/folder
    refused_alike <<'END'
2;/no/such/file|@@;set k @/no/such/file
2;folder|Is a directory;set k @$FOLDER
2;/no/such/file|No such file;txn /no/such/file
2;not JSON;txn
2;/no/such/file|No such file;import /no/such/file
2;/no/such/folder|No such file;export /no/such/folder/f
2;/no/such/folder|No such file;backup /no/such/folder/f
2;/no/such/file|No such file;backup --verify /no/such/file
2;/no/such/file|No such file;restore /no/such/file
2;/no/such/folder;check /no/such/folder
2;/no/such/folder;repair /no/such/folder
2;/no/such/folder;recover /no/such/folder
2;none.conf;node --config none.conf
2;--id;node
2;cannot write the output|No space left;status -o json >/dev/full
2;No space left;members >/dev/full
END
}
