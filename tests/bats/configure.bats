#!/usr/bin/env bats
# What configuring finds on a machine that has other packages, too.

setup() {
    project=$BATS_TEST_TMPDIR/project
    c=$BATS_TEST_TMPDIR/c/lib/cmake/msgpack
    mkdir -p "$project" "$c"
    echo 'add_library(msgpackc INTERFACE)' >"$c/msgpack-config.cmake"
    cat >"$project/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.20)
project(Uses LANGUAGES CXX)
if(ALONE)  # nothing of the system is seen
    set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)
    set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
endif()
include("$BATS_TEST_DIRNAME/../../cmake/msgpack.cmake")
message(STATUS "took \${MSGPACK_TARGET} from \${msgpack_DIR}")
EOF
}

@test "msgpack for C, installed before the one for C++, is passed over" {
    run cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$BATS_TEST_TMPDIR/c"
    [ "$status" -eq 0 ]
    [[ $output == *"took msgpack"*"-cxx from "* ]]
    [[ $output != *"$BATS_TEST_TMPDIR/c"* ]]
}

@test "msgpack for C alone is told at once, with the package that is missing" {
    run cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$BATS_TEST_TMPDIR/c" -DALONE=ON
    [ "$status" -ne 0 ]
    [[ $output == *"install libmsgpack-cxx-dev"* ]]
}
