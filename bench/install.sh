# shellcheck shell=bash
# install: packages and programs that compare.sh needs. Sourced by it.
#
# Owns: which package a contestant needs, and that none of them starts a service on its own.
# Must not know: how they are used.

# shellcheck source=launch/packages.sh
source "$top/launch/packages.sh"

readonly policy=/usr/sbin/policy-rc.d
policy_is_ours=false
as_root=()
python=python3

install_and_build() {
    local name
    ((EUID == 0)) || as_root=(sudo)
    install_for tools gnuplot-nox python3 python3-zmq python3-msgpack util-linux
    for name in "${contestants[@]}"; do
        case $name in
        etcd) install_for etcd etcd-server golang-go golang-etcd-server-dev ;;
        redis | redis-replicated) install_for redis redis-server redis-tools ;;
        esac
    done
    install_missing "$top/cmake/packages.txt" || exit 1
    find_python
    build_programs
    ! chosen etcd || build_etcd_load
}

chosen() {
    local name
    for name in "${contestants[@]}"; do
        [[ $name == "$1" ]] && return 0
    done
    return 1
}

# install_for WHAT PACKAGE...: those that are missing. A service that comes with one is neither
# started nor switched on; one that was there before is left as it is.
install_for() {
    local what=$1 package new=() list
    shift
    for package in "$@"; do
        package_installed "$package" || new+=("$package")
    done
    ((${#new[@]})) || return 0
    list=$(mktemp)
    printf '%s\n' "${new[@]}" >"$list"
    forbid_services
    install_missing "$list" || {
        rm -f "$list"
        fail "what $what needs is not installed (above)" "--only leaves contestants out"
    }
    rm -f "$list"
    forbid_no_more
    for package in "${new[@]}"; do
        switch_off "$package"
    done
}

# Debian's packages ask this program whether they may start their services.
forbid_services() {
    [[ ! -e $policy ]] || return 0
    ((EUID == 0)) || command -v sudo >/dev/null || return 0 # nothing is going to be installed
    policy_is_ours=true
    if ! printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null ||
        ! "${as_root[@]}" chmod 755 "$policy"; then
        fail "cannot write $policy"
    fi
}

forbid_no_more() {
    $policy_is_ours || return 0
    "${as_root[@]}" rm -f "$policy"
    policy_is_ours=false
}

# switch_off PACKAGE: just installed, its service is not to start with the machine either.
switch_off() {
    local service
    case $1 in
    etcd-server) service=etcd ;;
    redis-server) service=redis-server ;;
    *) return 0 ;;
    esac
    command -v systemctl >/dev/null || return 0
    "${as_root[@]}" systemctl disable --now "$service" >/dev/null 2>&1 || true
    say "$1 is installed; its service $service is off: systemctl enable --now $service"
}

# The first python3 in PATH need not be Debian's, which has the packages.
find_python() {
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import zmq, msgpack' 2>/dev/null && return 0
    done
    fail "no python3 that imports zmq and msgpack" "install python3-zmq and python3-msgpack"
}

build_programs() {
    local targets=(floor three_logs wait_load) jobs words
    jobs=$(nproc)
    ((jobs <= 3)) || jobs=3
    bin=${RAFTBUS_BIN:-$build/raftbus}
    [[ -n ${RAFTBUS_BIN:-} ]] || targets+=(raftbus)
    [[ $bin == /* ]] || bin=$PWD/$bin
    say "building ${targets[*]}"
    words=$(mktemp)
    if ! {
        cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRAFTBUS_BENCH=ON \
            -DRAFTBUS_TESTS=OFF && cmake --build "$build" --target "${targets[@]}" -j "$jobs"
    } >"$words" 2>&1; then
        tail -n 30 "$words" >&2
        rm -f "$words"
        fail "the build failed (above)" "if nothing in the sources explains it: rm -rf $build"
    fi
    rm -f "$words"
    [[ -x $bin ]] || fail "there is no program at $bin"
}

# From the sources that Debian has, without the network.
build_etcd_load() {
    local program=$build/bench/etcd_load source=$here/contestants/etcd_load.go
    [[ $program -ot $source || ! -x $program ]] || return 0
    say "building etcd_load"
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' GOCACHE=$build/go-cache \
        go build -o "$program" "$source" >&2 || fail "etcd_load is not built (above)"
}
