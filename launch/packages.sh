# shellcheck shell=bash
# packages: installs the Debian packages that are missing. Sourced by cluster.sh and tests/run.sh.
#
# Owns: the one place that calls apt. Must not know: what the packages are for; that is in the lists.

# install_missing LIST...: each LIST is a file with one package a line. Installs what dpkg does not
# know as installed; does nothing, and needs neither root nor network, when all of it is there.
# Asks nothing. Returns 1, with what to type by hand on stderr, when it cannot.
install_missing() {
    local missing=() package as_root=()
    while read -r package; do
        [[ -z $package || $package == '#'* ]] && continue
        package_installed "$package" || missing+=("$package")
    done < <(cat "$@")
    ((${#missing[@]})) || return 0

    if ! command -v apt-get >/dev/null; then
        echo "needed, and this is no Debian: ${missing[*]}" >&2
        echo "Install what these packages hold with your system's tools, then try again." >&2
        return 1
    fi
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "packages are missing and there is no sudo. As root, type:" >&2
            echo "  apt-get update && apt-get install -y ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "installing ${#missing[@]} packages: ${missing[*]}" >&2
    apt_quietly "${as_root[@]}" -- update &&
        apt_quietly "${as_root[@]}" -- install -y --no-install-recommends "${missing[@]}"
}

package_installed() {
    grep -qx installed <<<"$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null)"
}

# apt_quietly [PREFIX...] -- ARGUMENTS: apt-get without a question; its words only if it fails.
apt_quietly() {
    local prefix=() words
    while [[ $1 != -- ]]; do
        prefix+=("$1")
        shift
    done
    shift
    words=$(mktemp)
    if "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q \
        -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$words" 2>&1; then
        rm -f "$words"
        return 0
    fi
    tail -n 30 "$words" >&2
    rm -f "$words"
    echo "apt-get $1 failed (above). Mend that, or install by hand, then try again." >&2
    return 1
}
