#!/usr/bin/env bash
# Makes the virtual environment of the tests' clients. `clients.sh --path` only prints where it is: its bin/ has aws,
# cfn-lint, duckdb's and polars' Python, and so on.
. "$(dirname "$0")/common.sh"

venv=$cache/clients-$(sha256sum <"$here/clients.txt" | cut -c1-12)
[ "${1:-}" != --path ] || { echo "$venv"; exit 0; }
complete() { [ -e "$venv/.complete" ] && [ -x "$venv/bin/python3" ]; }
complete && exit 0
lock clients
complete && exit 0
say "the tests' clients (AWS CLI, boto3, DuckDB, …): about 250 MB from PyPI, once for all clones, into $venv"
make_venv "$venv" -r "$here/clients.txt"
say "the tests' clients are ready"
