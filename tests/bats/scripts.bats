#!/usr/bin/env bats
# The scripts themselves.

load helpers

@test "shellcheck finds nothing" {
    cd "$top"
    shellcheck -x launch/*.sh tests/run.sh .ci/run tests/bats/helpers.bash
}

@test "tests/run.sh refuses what is no suite, and explains itself" {
    run -2 "$top/tests/run.sh" nonsense
    says "no suite" "usage"
    run -0 "$top/tests/run.sh" --help
    says unit bats system
}
