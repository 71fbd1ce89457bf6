# shellcheck shell=bash
# The linters that lint-check knows and that can be had from PyPI, npm and Debian, sourced by
# `up`: its tests run them. They lie apart from the other programs, whose versions they do not
# share, and tests put their folders into PATH.
# shellcheck disable=SC2154 # here and testbed are those of lib.sh

node_linters=(@biomejs/biome@2.6.8 eslint@10.15.0 markdownlint-cli2@0.22.1 prettier@3.10.1)

ensure_linters() {
    have shellcheck || need_package shellcheck shellcheck
    ensure_python_folder requirements-linters.txt "$testbed/linters/venv"
    ensure_node_packages linters/node "${node_linters[@]}"
}

# The programs beside which `make bench` measures.
ensure_lint_peers() {
    ensure_python_folder requirements-lint-peers.txt "$testbed/linters/peers"
}
