# shellcheck shell=bash
# Programs of others, sourced by `up`: refinery's, with which the tests take turns on one
# database, and those beside which `make bench` measures.
# shellcheck disable=SC2154 # testbed and repo_root are those of lib.sh

refinery_cli=refinery_cli@0.10.0
sqlx_cli=sqlx-cli@0.9.0
redocly_cli=@redocly/cli@2.77.0
spectral_cli=@stoplight/spectral-cli@6.16.3

# As they come from the registry, with the drivers that are used. refinery's for
# PostgreSQL takes TLS from the system.
ensure_refinery() {
    if [ "$(uname)" = Linux ] && ! pkg-config --exists openssl 2>/dev/null; then
        need_package openssl pkg-config libssl-dev
    fi
    ensure_crate "$refinery_cli" postgresql,mysql,sqlite-bundled
}

ensure_peers() {
    ensure_refinery
    ensure_crate "$sqlx_cli" rustls,postgres,sqlite
    install_requirements requirements-peers.txt "$testbed/venv"
}

ensure_openapi_peers() {
    ensure_node_packages peers-openapi "$redocly_cli" "$spectral_cli"
}

# ensure_crate CRATE@VERSION FEATURES: into peers/bin. What was compiled stays in cargo's
# target folder, where another checkout finds it.
ensure_crate() {
    local stamp=$testbed/peers/${1%@*}.installed
    if [ "$(cat "$stamp" 2>/dev/null)" = "$1 $2" ]; then
        say "$1: already there"
        return
    fi
    have cargo || fail 4 "'cargo' is missing" "Install Rust: https://rustup.rs"
    say "installing $1 into $testbed/peers (some minutes where nothing is compiled yet)"
    cargo install --quiet --locked --force --root "$testbed/peers" \
        --target-dir "${CARGO_TARGET_DIR:-$repo_root/target}/peers" \
        --no-default-features --features "$2" "$1" >"$testbed/cargo-install.log" 2>&1 9>&- || {
        tail -n 20 "$testbed/cargo-install.log" >&2
        fail 4 "cannot install $1" "See $testbed/cargo-install.log; crates.io must be reachable."
    }
    printf '%s %s\n' "$1" "$2" >"$stamp"
}

peers_env() {
    [ ! -r "$testbed/peers/${refinery_cli%@*}.installed" ] ||
        printf 'LANDFALL_TEST_REFINERY=%s\n' "$testbed/peers/bin/refinery"
}
