# shellcheck shell=bash
# The linters that lint-check knows and that can be had from PyPI, npm and Debian, sourced by
# `up`: its tests run them. They lie apart from the other programs, whose versions they do not
# share, and tests put their folders into PATH.
# shellcheck disable=SC2154 # here and testbed are those of lib.sh

node_linters=(@biomejs/biome@2.6.8 eslint@10.15.0 markdownlint-cli2@0.22.1 prettier@3.10.1)

ensure_linters() {
    have shellcheck || need_package shellcheck shellcheck
    ensure_python_folder requirements-linters.txt "$testbed/linters/venv"
    ensure_node_linters
}

# The programs beside which `make bench` measures.
ensure_lint_peers() {
    ensure_python_folder requirements-lint-peers.txt "$testbed/linters/peers"
}

# ensure_python_folder LIST FOLDER: the copy of the list says what is installed.
ensure_python_folder() {
    local list=$1 folder=$2
    if cmp -s "$here/$list" "$folder/$list"; then
        say "$list: already there"
        return
    fi
    python_is_usable || need_package python3-venv python3 python3-venv
    python_is_usable || fail 4 "python3 is older than 3.10" "Install Python 3.10 or newer, first in PATH."
    say "installing $list into $folder"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$here/$list" \
        >"$testbed/pip.log" 2>&1 9>&- || {
        tail -n 5 "$testbed/pip.log" >&2
        fail 4 "cannot install $list" "See $testbed/pip.log; PyPI must be reachable."
    }
    cp "$here/$list" "$folder/$list"
}

ensure_node_linters() {
    local folder=$testbed/linters/node
    if [ "$(cat "$folder/installed" 2>/dev/null)" = "${node_linters[*]}" ]; then
        say "linters from npm: already there"
        return
    fi
    node_is_usable || fail 4 "Node.js 20 or newer with npm is missing" \
        "Install it from https://nodejs.org, then run this again."
    say "installing ${node_linters[*]} into $folder"
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "${node_linters[@]}" \
        >"$testbed/npm.log" 2>&1 9>&- || {
        tail -n 5 "$testbed/npm.log" >&2
        fail 4 "cannot install the linters from npm" "See $testbed/npm.log; the npm registry must be reachable."
    }
    printf '%s\n' "${node_linters[*]}" >"$folder/installed"
}
