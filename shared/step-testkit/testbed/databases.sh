# shellcheck shell=bash
# The databases of the testbed, sourced by `up` and `database`: PostgreSQL, MariaDB, and
# PgBouncer in transaction mode before that PostgreSQL. They listen on 127.0.0.1;
# PostgreSQL also on the bridge of Docker, where containers reach the host.
# shellcheck disable=SC2154 # testbed and aws_instance_name are those of lib.sh

postgres_port=${LANDFALL_POSTGRES_PORT:-54329}
bench_postgres_port=${LANDFALL_BENCH_POSTGRES_PORT:-54359}
mariadb_port=${LANDFALL_MARIADB_PORT:-33069}
pgbouncer_port=${LANDFALL_PGBOUNCER_PORT:-64329}
database_user=landfall
database_password=landfall-test-password # nothing secret: scratch data, long enough to be masked
PATH=$PATH:/usr/sbin # where Debian has the servers; the PATH of a user may lack it

# As root, nobody is the user: PostgreSQL and PgBouncer refuse root. `env -i`: what
# the developer has in PG* and MYSQL* must not reach them.
as_server=(env -i PATH="$PATH" LC_ALL=C)
if [ "$(id -u)" = 0 ]; then
    as_server=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "${as_server[@]}")
fi

# --- what they share ---------------------------------------------------------

# check_database_port NAME PORT VARIABLE ANOTHER-PORT
check_database_port() {
    local running
    if ! recorded_process "$1" >/dev/null; then
        require_free_port 127.0.0.1 "$2" "$3" "$4"
        return
    fi
    running=$(cat "$testbed/$1.port")
    [ "$running" = "$2" ] || fail 4 "$1 of this checkout already runs on port $running" \
        "Run 'make down' first, or $3=$running make up."
}

check_database_ports() {
    check_database_port mariadb "$mariadb_port" LANDFALL_MARIADB_PORT 33080
    check_database_port pgbouncer "$pgbouncer_port" LANDFALL_PGBOUNCER_PORT 64340
}

# server_folder NAME: makes the folder that the server owns. Under a home that
# only root may enter (/root) the server could not reach it: a link leads to it.
server_folder() {
    local folder=$testbed/$1
    [ ! -d "$folder" ] || return 0
    rm -f "$folder" # a link to what is gone
    mkdir -m 700 "$folder"
    own "$folder"
    if ! (cd / && "${as_server[@]}" test -w "$folder"); then
        rmdir "$folder"
        ln -s "$(mktemp -d "/var/tmp/landfall-testbed-$1.XXXXXX")" "$folder"
        own "$folder/"
        say "$1: its user cannot reach $testbed, the data is in $(readlink "$folder")"
    fi
}

own() { [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$@"; }

# real_folder NAME: the path without links that the server may not follow.
real_folder() { (cd "$testbed/$1" && pwd -P); }

# create_data NAME COMMAND…: runs it as the server's user, its output is NAME's log.
create_data() {
    local name=$1
    shift
    say "$name: creating its data in $testbed/$name"
    (cd / && "${as_server[@]}" "$@") >"$testbed/$name.log" 2>&1 9>&- || {
        tail -n 20 "$testbed/$name.log" >&2
        fail 4 "cannot create the data of $name (the end of its log is above)" "See $testbed/$name.log"
    }
}

# stop_if_changed NAME SIGNAL COMMAND…: a server that runs with another command, or another
# certificate, than this script would start it with.
stop_if_changed() {
    local name=$1 signal=$2
    shift 2
    recorded_process "$name" >/dev/null || return 0
    if [ "$(cat "$testbed/$name.command" 2>/dev/null)" != "$*" ]; then
        stop_process "$name" 30 "$signal" && say "$name: stopped, its options changed"
    elif ! cmp -s "$testbed/tls/server.pem" "$testbed/$name/server.pem"; then
        stop_process "$name" 30 "$signal" && say "$name: stopped, its certificate changed"
    fi
}

# start_server NAME PORT COMMAND…
start_server() {
    local name=$1 port=$2
    shift 2
    say "$name: starting on port $port"
    printf '%s\n' "$port" >"$testbed/$name.port"
    printf '%s\n' "$*" >"$testbed/$name.command"
    # A server looks at the folder it starts in, which its user may not enter.
    (cd / && start_in_background "$name" "${as_server[@]}" "$@")
}

# without_services COMMAND PACKAGE…: need_package, but nothing of the packages
# starts: no cluster `main` is made, and PgBouncer does not start at boot.
without_services() {
    can_install || need_package "$@" # says how
    (
        trap allow_services EXIT
        forbid_services "$2"
        need_package "$@"
        [ "$2" != pgbouncer ] || update-rc.d pgbouncer disable >>"$testbed/apt.log" 2>&1 ||
            say "pgbouncer: its service stays enabled (see $testbed/apt.log)"
    )
}

service_policy=/usr/sbin/policy-rc.d
cluster_policy=/etc/postgresql-common/createcluster.conf

# A policy of the machine's own stays; ours, left by a killed run, is taken over.
forbid_services() {
    if [ ! -e "$service_policy" ]; then
        printf '#!/bin/sh\n# %s: while it installs\nexit 101\n' "$aws_instance_name" >"$service_policy"
        chmod 755 "$service_policy"
    fi
    [ "$1" = postgresql ] || return 0
    [ -e "$cluster_policy" ] || need_package pg_lsclusters postgresql-common
    [ -e "$cluster_policy.$aws_instance_name" ] || cp -p "$cluster_policy" "$cluster_policy.$aws_instance_name"
    printf 'create_main_cluster = false\n' >>"$cluster_policy"
}

allow_services() {
    [ ! -e "$cluster_policy.$aws_instance_name" ] || mv "$cluster_policy.$aws_instance_name" "$cluster_policy"
    ! grep -qs "$aws_instance_name" "$service_policy" || rm -f "$service_policy"
}

# sql_answers PORT: a login with the password, to PostgreSQL or through PgBouncer.
sql_answers() {
    env -i PATH="$PATH" PGPASSWORD="$database_password" PGCONNECT_TIMEOUT=3 \
        "$postgres_bin/psql" -XAtq -h 127.0.0.1 -p "$1" -U "$database_user" -d postgres -c 'select 1'
}

# --- TLS ---------------------------------------------------------------------

# ensure_authority: an authority of the testbed, and a certificate of it for the servers. Ten years
# are longer than any testbed; `rm -r` of the folder makes new ones.
ensure_authority() {
    local folder=$testbed/tls
    [ ! -s "$folder/server.pem" ] || return 0
    have openssl || need_package openssl openssl
    rm -rf "$folder.part"
    mkdir -m 700 "$folder.part"
    make_certificates "$folder.part" >"$testbed/tls.log" 2>&1 || {
        tail -n 5 "$testbed/tls.log" >&2
        fail 4 "cannot make certificates" "See $testbed/tls.log; 'openssl version' should be 1.1.1 or newer."
    }
    rm -rf "$folder"
    mv "$folder.part" "$folder"
}

# Without a configuration of the machine's: what it adds to certificates is not for these.
make_certificates() {
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes) name
    cat >"$1/openssl.cnf" <<'END'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
END
    for name in ca server; do
        openssl req "${key[@]}" -config "$1/openssl.cnf" -new -subj "/CN=landfall testbed $name" \
            -keyout "$1/$name.key" -out "$1/$name.csr" || return 1
    done
    openssl x509 -req -in "$1/ca.csr" -signkey "$1/ca.key" -days 3650 \
        -extfile "$1/openssl.cnf" -extensions authority -out "$1/ca.pem" || return 1
    openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 3650 \
        -extfile "$1/openssl.cnf" -extensions server -out "$1/server.pem"
}

# give_certificate FOLDER: to a server, which reads it as its own user.
give_certificate() {
    cp "$testbed/tls/server.pem" "$testbed/tls/server.key" "$testbed/tls/ca.pem" "$1"
    chmod 600 "$1/server.key"
    own "$1/server.pem" "$1/server.key" "$1/ca.pem"
}

# --- PostgreSQL --------------------------------------------------------------

# find_postgres: sets postgres_bin. Data belongs to one major version; without
# data, the first of 14 or newer does.
find_postgres() {
    local folder version
    data_version=$(cat "$testbed/postgres/data/PG_VERSION" 2>/dev/null) || data_version=''
    for folder in $(postgres_folders); do
        has_postgres "$folder" || continue
        version=$("$folder/postgres" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
        if [ "${version:-0}" -ge 14 ] && [ "$version" = "${data_version:-$version}" ]; then
            postgres_bin=$folder
            return
        fi
    done
    return 1
}

# That of PATH may be a link to one program of the folder.
postgres_folders() {
    local in_path
    if in_path=$(command -v postgres); then
        dirname "$in_path"
        dirname "$(readlink -f "$in_path")"
    fi
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
}

has_postgres() { [ -x "$1/postgres" ] && [ -x "$1/initdb" ] && [ -x "$1/psql" ]; }

# find_bridge: sets bridge_host and bridge_subnet, empty unless the bridge is of this machine.
find_bridge() {
    local network
    bridge_host='' bridge_subnet=''
    network=$(docker_api /networks/bridge -f -m 10 2>/dev/null) || return 0
    bridge_subnet=$(printf '%s' "$network" | grep -oE '"Subnet":"[0-9.]+/[0-9]+"' | head -n 1 | cut -d'"' -f4) || return 0
    bridge_host=$(printf '%s' "$network" | grep -oE '"Gateway":"[0-9.]+"' | head -n 1 | cut -d'"' -f4) ||
        bridge_host=${bridge_subnet%.*}.1
    grep -sA 1 -F -e "|-- $bridge_host" /proc/net/fib_trie | grep -q 'host LOCAL' || bridge_host='' bridge_subnet=''
}

ensure_postgres_programs() {
    ! find_postgres || return 0
    without_services postgres postgresql
    find_postgres || fail 4 "PostgreSQL ${data_version:-14 or newer} is missing" \
        "Install it${data_version:+, or give up the data it made: rm -r $testbed/postgres/}."
}

ensure_postgres() {
    ensure_postgres_programs
    find_bridge
    ensure_authority
    server_folder postgres
    set_postgres_command "$(real_folder postgres)"
    stop_if_changed postgres INT "${postgres_command[@]}"
    if recorded_process postgres >/dev/null && [ "$(cat "$testbed/postgres/pg_hba.conf")" != "$(postgres_access)" ]; then
        stop_process postgres 30 INT && say "postgres: stopped, who may connect changed"
    fi
    if ! recorded_process postgres >/dev/null; then
        start_postgres
    elif sql_answers "$postgres_port" >/dev/null 2>&1; then
        say "postgres: already running (127.0.0.1:$postgres_port)"
        return
    fi
    wait_until postgres 60 sql_answers "$postgres_port"
    say "postgres: running (127.0.0.1:$postgres_port${bridge_host:+, from containers $bridge_host:$postgres_port})"
}

# set_postgres_command FOLDER: sets postgres_command. Options are on the command line,
# so that data made by an earlier version of this script gets them too. Without fsync
# a killed server loses nothing; a machine that loses its power may: then remove the folder.
set_postgres_command() {
    postgres_command=("$postgres_bin/postgres" -D "$1/data" -p "$postgres_port"
        -c listen_addresses="127.0.0.1${bridge_host:+,$bridge_host}" -c unix_socket_directories=
        -c hba_file="$1/pg_hba.conf" -c max_connections=200
        -c ssl=on -c ssl_cert_file="$1/server.pem" -c ssl_key_file="$1/server.key"
        -c fsync=off -c full_page_writes=off)
}

# Containers, and this machine: at the address of the bridge it may come with another of its own.
postgres_access() {
    printf 'host all all %s scram-sha-256\n' samehost ${bridge_subnet:+"$bridge_subnet"}
}

start_postgres() {
    local folder
    require_free_port 127.0.0.1 "$postgres_port" LANDFALL_POSTGRES_PORT 54340
    [ -z "$bridge_host" ] || require_free_port "$bridge_host" "$postgres_port" LANDFALL_POSTGRES_PORT 54340
    folder=$(real_folder postgres)
    if [ ! -d "$folder/data" ]; then
        rm -rf "$folder/data.part"
        printf '%s\n' "$database_password" >"$folder/password"
        own "$folder/password"
        create_data postgres "$postgres_bin/initdb" --username="$database_user" --pwfile="$folder/password" \
            --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync --pgdata="$folder/data.part"
        mv "$folder/data.part" "$folder/data"
    fi
    postgres_access >"$folder/pg_hba.conf"
    own "$folder/pg_hba.conf"
    give_certificate "$folder"
    printf '%s %s\n' "$bridge_host" "$bridge_subnet" >"$testbed/postgres.bridge"
    forget_dead_postgres "$folder/data"
    start_server postgres "$postgres_port" "${postgres_command[@]}"
}

# forget_dead_postgres DATA: a killed server leaves its lock, and children that end
# by themselves a moment later; until then a new one refuses. It also would when
# the pid is that of a zombie, or by now of another program.
forget_dead_postgres() {
    local deadline=$((SECONDS + 10))
    [ -r "$1/postmaster.pid" ] && [ -d /proc/self ] || return 0
    while somebody_in "$1"; do
        [ "$SECONDS" -lt "$deadline" ] || return 0 # the new one says it
        sleep 0.2
    done
    rm -f "$1/postmaster.pid"
}

# somebody_in FOLDER: a process, not a zombie, works there.
somebody_in() {
    local cwd
    for cwd in /proc/[0-9]*/cwd; do
        [ ! "$cwd" -ef "$1" ] || return 0
    done
    return 1
}

# --- PostgreSQL for benchmarks -----------------------------------------------

# One that writes as a server in production does, for what a commit costs is half of
# a comparison. Its data are new each time, so that each comparison begins alike.
start_bench_postgres() {
    local folder
    ensure_postgres_programs
    stop_process postgres-bench 30 INT || true
    require_free_port 127.0.0.1 "$bench_postgres_port" LANDFALL_BENCH_POSTGRES_PORT 54360
    server_folder postgres-bench
    folder=$(real_folder postgres-bench)
    rm -rf "$folder/data"
    printf '%s\n' "$database_password" >"$folder/password"
    own "$folder/password"
    create_data postgres-bench "$postgres_bin/initdb" --username="$database_user" --pwfile="$folder/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --pgdata="$folder/data"
    start_server postgres-bench "$bench_postgres_port" "$postgres_bin/postgres" -D "$folder/data" -p "$bench_postgres_port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    wait_until postgres-bench 60 sql_answers "$bench_postgres_port"
    say "postgres-bench: running (127.0.0.1:$bench_postgres_port, with fsync)"
}

# --- MariaDB -----------------------------------------------------------------

mariadb_is_there() { have mariadbd && have mariadb && have mariadb-install-db && have my_print_defaults; }

mariadb_answers() {
    env -i PATH="$PATH" MYSQL_PWD="$database_password" mariadb --no-defaults --connect-timeout=3 \
        -h 127.0.0.1 -P "$mariadb_port" -u "$database_user" -e 'select 1'
}

# The `core` packages have the programs, and no service.
ensure_mariadb() {
    mariadb_is_there || without_services mariadbd mariadb-server-core mariadb-client-core
    ensure_authority
    server_folder mariadb
    set_mariadb_command "$(real_folder mariadb)"
    stop_if_changed mariadb TERM "${mariadb_command[@]}"
    if ! recorded_process mariadb >/dev/null; then
        start_mariadb
    elif mariadb_answers >/dev/null 2>&1; then
        say "mariadb: already running (127.0.0.1:$mariadb_port)"
        return
    fi
    wait_until mariadb 60 mariadb_answers
    say "mariadb: running (127.0.0.1:$mariadb_port)"
}

# set_mariadb_command FOLDER: sets mariadb_command. The socket's path is relative to
# the data: a long one would not fit its limit.
set_mariadb_command() {
    mariadb_command=(mariadbd --no-defaults --datadir="$1/data" --init-file="$1/init.sql"
        --bind-address=127.0.0.1 --port="$mariadb_port" --socket=mariadb.sock --pid-file=mariadb.pid
        --ssl-cert="$1/server.pem" --ssl-key="$1/server.key" --ssl-ca="$1/ca.pem"
        --skip-name-resolve --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=64M)
}

start_mariadb() {
    local folder
    require_free_port 127.0.0.1 "$mariadb_port" LANDFALL_MARIADB_PORT 33080
    folder=$(real_folder mariadb)
    if [ ! -d "$folder/data" ]; then
        rm -rf "$folder/data.part"
        create_data mariadb mariadb-install-db --no-defaults --skip-test-db --datadir="$folder/data.part"
        mv "$folder/data.part" "$folder/data"
    fi
    cat >"$folder/init.sql" <<END
CREATE USER IF NOT EXISTS '$database_user'@'%' IDENTIFIED BY '$database_password';
GRANT ALL PRIVILEGES ON *.* TO '$database_user'@'%' WITH GRANT OPTION;
END
    own "$folder/init.sql"
    give_certificate "$folder"
    start_server mariadb "$mariadb_port" "${mariadb_command[@]}"
}

# --- PgBouncer ---------------------------------------------------------------

ensure_pgbouncer() {
    have pgbouncer || without_services pgbouncer pgbouncer
    if ! recorded_process pgbouncer >/dev/null; then
        start_pgbouncer
    elif sql_answers "$pgbouncer_port" >/dev/null 2>&1; then
        say "pgbouncer: already running (127.0.0.1:$pgbouncer_port)"
        return
    fi
    wait_until pgbouncer 30 sql_answers "$pgbouncer_port"
    say "pgbouncer: running (127.0.0.1:$pgbouncer_port, transaction mode)"
}

# With `auth_user` the roles that a test makes in PostgreSQL can log in too. A
# restarted PostgreSQL is tried again after a second, not after 15.
start_pgbouncer() {
    local folder
    require_free_port 127.0.0.1 "$pgbouncer_port" LANDFALL_PGBOUNCER_PORT 64340
    server_folder pgbouncer
    folder=$(real_folder pgbouncer)
    printf '"%s" "%s"\n' "$database_user" "$database_password" >"$folder/users.txt"
    cat >"$folder/pgbouncer.ini" <<END
[databases]
* = host=127.0.0.1 port=$postgres_port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pgbouncer_port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users.txt
auth_user = $database_user
admin_users = $database_user
pool_mode = transaction
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
server_login_retry = 1
END
    own "$folder/users.txt" "$folder/pgbouncer.ini"
    start_server pgbouncer "$pgbouncer_port" pgbouncer "$folder/pgbouncer.ini"
}

# --- env ---------------------------------------------------------------------

database_url() {
    printf '%s://%s:%s@127.0.0.1:%s/%s\n' "$1" "$database_user" "$database_password" "$2" "$3"
}

# What runs, also from an earlier `up databases`.
database_env() {
    local bridge_host
    if [ -s "$testbed/tls/ca.pem" ]; then
        printf 'LANDFALL_TEST_CA=%s\n' "$testbed/tls/ca.pem"
    fi
    if recorded_process postgres >/dev/null; then
        printf 'LANDFALL_TEST_POSTGRES_URL=%s\n' "$(database_url postgres "$(cat "$testbed/postgres.port")" postgres)"
        read -r bridge_host _ <"$testbed/postgres.bridge"
        [ -z "$bridge_host" ] || printf 'LANDFALL_TEST_POSTGRES_HOST_FROM_CONTAINERS=%s\n' "$bridge_host"
    fi
    if recorded_process mariadb >/dev/null; then
        printf 'LANDFALL_TEST_MARIADB_URL=%s\n' "$(database_url mysql "$(cat "$testbed/mariadb.port")" mysql)"
    fi
    if recorded_process pgbouncer >/dev/null; then
        printf 'LANDFALL_TEST_PGBOUNCER_URL=%s\n' "$(database_url postgres "$(cat "$testbed/pgbouncer.port")" postgres)"
    fi
}

# Apart from what the tests and the demo see.
write_bench_env() {
    cat >"$testbed/bench.env" <<END
PSQL=$postgres_bin/psql
PGHOST=127.0.0.1
PGPORT=$bench_postgres_port
PGUSER=$database_user
PGPASSWORD=$database_password
END
}
