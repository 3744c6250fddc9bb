# Sourced by the other scripts: checks the machine, makes .venv with pinned versions.
# Every refusal is one line: what is wrong, and what to do about it.

refuse() {
    echo "error: $1" >&2
    exit 2
}

find_python() {
    local name found tried=""
    for name in ${PYTHON:-python3 python3.12 python3.13 python3.11}; do
        command -v "$name" >/dev/null 2>&1 || continue
        found=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case "$found" in
            3.11 | 3.12 | 3.13)
                echo "$name"
                return
                ;;
        esac
        tried="$tried $name is $found;"
    done
    refuse "Python 3.11, 3.12 or 3.13 is needed (found:${tried:- none}); install one, or name it: PYTHON=/path/to/python3.12"
}

check_java() {
    local java="${JAVA_HOME:+$JAVA_HOME/bin/}java" told major
    command -v "$java" >/dev/null 2>&1 ||
        refuse "no Java found${JAVA_HOME:+ in JAVA_HOME=$JAVA_HOME}; install Java 17 or 21 and put it on PATH or in JAVA_HOME"
    # 1.8.0 is Java 8
    told=$("$java" -version 2>&1 | sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1)
    [ "${told:-0}" -ge 17 ] ||
        refuse "Java ${told:-of unknown version} is too old for Spark 4; install Java 17 or 21"
}

check_room() {
    local memory disk
    if [ -r /proc/meminfo ]; then
        memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
        [ "$memory" -ge 3500 ] || refuse "this machine has $memory MB of memory; databank needs 4 GB"
    fi
    disk=$(df -Pm . | awk 'NR == 2 {print $4}')
    [ "$disk" -ge "${1:-4000}" ] ||
        refuse "only $disk MB are free here; ${1:-4000} MB are needed: free some, or work on another disk"
}

# make_environment [dev]: .venv as pyproject.toml and constraints.txt say; quick when it is there
make_environment() {
    local extra="${1:-}" python stamp wanted log
    check_java
    python=$(find_python) || exit 2
    wanted=$(cat pyproject.toml scripts/constraints.txt | cksum | tr ' ' '-')
    stamp=".venv/.databank-${extra:-run}"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x .venv/bin/python ]; then
        return
    fi
    check_room 6000
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        refuse "$python cannot make environments; install its venv module (Debian: apt install python3-venv)"
    echo "making the environment (.venv); this takes a few minutes, once" >&2
    "$python" -m venv .venv || refuse "$python -m venv .venv failed; remove .venv and try again"
    log=.venv/install.log
    if ! .venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
        --constraint scripts/constraints.txt --editable ".${extra:+[$extra]}" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        refuse "packages could not be installed (log: $log); the first start needs the network and a reachable package index"
    fi
    # pip compiles on one core; a file that does not compile is nobody's, and pip says nothing either
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
    # it halves each start of Spark; without it all works, and tests are not worth its minute
    [ -n "$extra" ] || .venv/bin/python -m databank.session.write_archive >>"$log" 2>&1 || true
    [ "$extra" = dev ] && echo "$wanted" >.venv/.databank-run
    echo "$wanted" >"$stamp"
}
