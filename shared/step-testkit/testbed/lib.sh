# shellcheck shell=bash
# What `up` and `down` share: where things are, how a process that we started
# is recorded and recognised again, and how to speak to the Docker Engine.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo_root=$(cd "$here/../../.." && pwd)

testbed=${LANDFALL_TESTBED:-$repo_root/.testbed}
case $testbed in /*) ;; *) testbed=$PWD/$testbed ;; esac
aws_port=${LANDFALL_AWS_PORT:-4566}
aws_url=http://127.0.0.1:$aws_port
docker_host=${DOCKER_HOST:-unix:///var/run/docker.sock}

# The local AWS labels its containers with this name and its port. The name is
# ours, so that `down` never takes the containers of another emulator.
# shellcheck disable=SC2034 # used by up
aws_instance_name=landfall-testbed
aws_instance=$aws_instance_name:$aws_port

say() { printf 'testbed: %s\n' "$*" >&2; }

# fail CODE WHAT WHAT-TO-DO: codes are those of the steps (4 missing, 5 timed out).
fail() {
    printf 'error: %s\n%s\n' "$2" "$3" >&2
    exit "$1"
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- processes ---------------------------------------------------------------

# A pid alone may belong to someone else after a reboot or a wrap-around: the
# start time beside it makes the record unique. A zombie counts as gone: in a
# container the first process often does not collect its children.
process_birth() {
    if [ -r /proc/self/stat ]; then
        # The name, second field, may hold blanks and brackets: cut up to the last ")".
        sed -n 's/.*) \([^Z]\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
    else
        ps -o lstart= -p "$1" 2>/dev/null
    fi
}

# record_process NAME PID
record_process() {
    printf '%s %s\n' "$2" "$(process_birth "$2")" >"$testbed/$1.pid"
}

# Prints the pid of NAME when the process that we recorded is still that process.
recorded_process() {
    local pid birth
    [ -r "$testbed/$1.pid" ] || return 1
    read -r pid birth <"$testbed/$1.pid" || return 1
    [ -n "$birth" ] && [ "$(process_birth "$pid")" = "$birth" ] || return 1
    printf '%s\n' "$pid"
}

# stop_process NAME SECONDS [SIGNAL]: asks, waits, insists; returns 1 when there was none.
stop_process() {
    local pid deadline=$((SECONDS + $2))
    pid=$(recorded_process "$1") || { rm -f "$testbed/$1.pid"; return 1; }
    kill -"${3-TERM}" "$pid"
    while recorded_process "$1" >/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "$1 (pid $pid) did not end in $2 s: killing it"
            kill -KILL "$pid" || true
            break
        fi
        sleep 0.2
    done
    rm -f "$testbed/$1.pid"
}

# start_in_background NAME COMMAND…: own session, so that a Ctrl-C of the caller
# does not end it; fd 9 is the lock of `up`, which the child must not keep.
start_in_background() {
    local name=$1 setsid=setsid
    shift
    have setsid || setsid= # macOS
    $setsid nohup "$@" >"$testbed/$name.log" 2>&1 </dev/null 9>&- &
    record_process "$name" $!
}

# wait_until NAME SECONDS COMMAND…: 5 with the end of NAME's log when it never succeeds.
wait_until() {
    local name=$1 seconds=$2 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! recorded_process "$name" >/dev/null; then
            tail -n 20 "$testbed/$name.log" >&2
            fail 4 "$name ended while starting (the end of its log is above)" \
                "Correct the cause and run it again; the whole log: $testbed/$name.log"
        fi
        if [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$testbed/$name.log" >&2
            fail 5 "$name is not ready after $seconds s (the end of its log is above)" \
                "See $testbed/$name.log; 'make down' stops what is running."
        fi
        sleep 0.2
    done
}

# Serialises two `up`, or `up` and `down`, in one checkout.
take_lock() {
    exec 9>"$testbed/lock"
    if have flock; then
        flock -w 300 9 || fail 5 "another testbed command holds $testbed/lock" \
            "Wait for it to end, then run this again."
    fi
}

# --- Docker Engine -----------------------------------------------------------

# docker_api PATH [CURL OPTIONS…]: the Engine API without a client program.
docker_api() {
    local path=$1
    shift
    case $docker_host in
    unix://*) curl -sS --unix-socket "${docker_host#unix://}" "$@" "http://docker$path" ;;
    tcp://*) curl -sS "$@" "http://${docker_host#tcp://}$path" ;;
    *) printf 'cannot use DOCKER_HOST=%s (only unix:// and tcp://)\n' "$docker_host" >&2; return 2 ;;
    esac
}

docker_answers() { docker_api /_ping -f -m 5 >/dev/null 2>&1; }

# remove_labelled containers|networks: those that our local AWS made.
remove_labelled() {
    local kind=$1 id count=0 query='' list
    [ "$kind" = containers ] && query='?force=true&v=true'
    list=$(docker_api "/$kind$([ "$kind" = containers ] && echo /json)" -f -m 20 -G \
        --data-urlencode "filters={\"label\":[\"ministack.instance=$aws_instance\"]}" \
        ${query:+--data-urlencode all=true})
    # Ids are the only 64-digit values under the key "Id" of the list.
    for id in $(printf '%s' "$list" | grep -oE '"Id":"[0-9a-f]{64}"' | cut -d'"' -f4); do
        docker_api "/$kind/$id$query" -f -m 30 -X DELETE -o /dev/null && count=$((count + 1))
    done
    [ "$count" -eq 0 ] || say "local AWS: removed leftover $kind: $count"
}

# --- local AWS ---------------------------------------------------------------

aws_answers() { curl -fsS -m 5 --noproxy '*' "$aws_url/_ministack/health" >/dev/null 2>&1; }
