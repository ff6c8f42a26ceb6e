#!/usr/bin/env bats
# Backups, checks and repairs as typed: what they print, and what they exit with.

load helpers

setup_file() {
    new_home
    cluster up
    raftbus set colour red
    raftbus set stock 3
}
teardown_file() { drop_home; }

@test "a backup is written, verified, and refused where one is" {
    local file=$BATS_TEST_TMPDIR/monday.rbb
    run -0 raftbus backup "$file"
    [[ $output == "$file: cluster "*" up to revision "*", made "* ]]
    run -0 raftbus backup --verify "$file"
    says "sound:" "2 keys"
    run -2 --separate-stderr raftbus backup "$file"
    says "is there already" "--force"
    run -0 raftbus backup --force "$file"
}

@test "a backup through a pipe is a backup" {
    local file=$BATS_TEST_TMPDIR/piped.rbb
    raftbus backup - >"$file" 2>/dev/null
    run -0 raftbus backup --verify "$file"
}

@test "restore wants an empty cluster" {
    local file=$BATS_TEST_TMPDIR/full.rbb
    raftbus backup "$file"
    run -2 --separate-stderr raftbus restore "$file"
    says "the cluster holds 2 keys already" "--force"
    raftbus set colour blue
    run -0 raftbus restore --force "$file"
    says "restored 2 keys"
    run -0 raftbus get colour
    [ "$output" = red ]
}

@test "export and import, in JSON lines" {
    run -0 --separate-stderr raftbus export
    [[ ${lines[0]} =~ ^\{\"key\":\"colour\",\"revision\":[0-9]+,\"value\":\"red\"\}$ ||
        ${lines[0]} =~ ^\{\"key\":\"colour\",\"value\":\"red\",\"revision\":[0-9]+\}$ ]]
    [ "${#lines[@]}" = 2 ]
    says "2 keys, as they are at revision"
    run -0 --separate-stderr raftbus export --prefix st
    [ "${#lines[@]}" = 1 ]
    run -0 raftbus import <<<'{"key": "shape", "value": {"base64": "AP8="}}'
    [ "$output" = "wrote 1 keys" ]
    raftbus get shape | cmp - <(printf '\0\xff')
    run -2 --separate-stderr raftbus import <<<'{"key": "shape"}'
    says "stdin, line 1: the field 'value' is missing" "nothing was written"
    raftbus delete shape
}

@test "a scan goes on beyond what one reply may hold" {
    awk 'BEGIN { for (i = 0; i <= 10000; i++) printf "{\"key\": \"many/%05d\", \"value\": \"\"}\n", i }' |
        raftbus import
    [ "$(raftbus scan many/ --keys-only --limit 20000 | wc -l)" = 10001 ]
    [ "$(raftbus scan --keys-only --limit 20000 | wc -l)" = 10003 ]
}

@test "check of a node that runs is refused, and of one that does not says what is there" {
    local data=$RAFTBUS_HOME/n1
    run -2 --separate-stderr raftbus check "$data"
    says "is using the data directory" "stop the node first"
    run -2 --separate-stderr raftbus repair "$data"
    says "stop the node first"
    run -2 --separate-stderr raftbus check "$BATS_TEST_TMPDIR"
    says "holds nothing of a node"
    run -2 --separate-stderr raftbus check "$BATS_TEST_TMPDIR/none"
    says "there is no directory"
    cluster stop 1
    run -0 raftbus check "$data"
    says "node 1 of cluster" "entries 1 to" "sound"
    run -2 --separate-stderr raftbus repair "$data"
    says "nothing is damaged"
    run -0 raftbus recover "$data"
    says "what would be done" "only voter" "n2, n3" "Nothing was changed"
}
