#!/usr/bin/env bash
# Sets up what the tests need and runs them: all of them, or the parts that are named.
# It changes nothing outside the project's folder, but for Taskwarrior and Chromium, which it
# installs with apt-get where they are missing and it may. It does not touch a running stack.
# shellcheck disable=SC2329  # the parts are called by their names
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly PARTS=(lint unit nodes workflows integration e2e)
readonly NODE_BIN="$PWD/.stack/n8n/node_modules/.bin"
readonly RESULTS=.stack/test-results

usage() {
  cat <<'TEXT'
Usage: ./test.sh [PART ...]
       ./test.sh bench [--quick] [--litellm] [--markdown FILE]
       ./test.sh soak [--minutes N] [--rate N] [--seed N]

Without a part, runs: lint unit nodes workflows integration e2e

  lint         ruff, mypy, shellcheck, shfmt
  unit         Python, no other process
  nodes        the n8n nodes: build, lint, vitest
  workflows    every workflow file, and each check on a broken one
  integration  the services with real PostgreSQL, Valkey, Taskwarrior, Chromium and a small model
  e2e          the whole stack on free ports, n8n included

Not part of a full run:

  bench        speed: CPU and time a request, beside the same flow from stock nodes, and LiteLLM if asked for
  soak         minutes of traffic while one part after the other fails: every request answered, and booked once
TEXT
}

main() {
  case "${1-}" in -h | --help) usage && exit ;; esac
  local part parts=()
  while [[ $# -gt 0 && $1 != -* ]]; do
    parts+=("$1")
    shift
  done
  OPTIONS=("$@")
  [[ $# -eq 0 || ${parts[*]} == bench || ${parts[*]} == soak ]] || fail "options are for bench or soak alone: $*"
  [[ ${#parts[@]} -gt 0 ]] || parts=("${PARTS[@]}")
  for part in "${parts[@]}"; do
    declare -F "run_$part" >/dev/null || fail "no such part: $part (see ./test.sh --help)"
  done
  ./install.sh --test
  rm -rf "$RESULTS" && mkdir -p "$RESULTS"
  local status=0
  for part in "${parts[@]}"; do
    printf '\n== %s\n' "$part"
    "run_$part" || status=1
  done
  # These count no tests.
  [[ ${parts[*]} == bench || ${parts[*]} == soak ]] || .venv/bin/python -m tests.summary "$RESULTS" || status=1
  exit "$status"
}

run_lint() {
  local scripts=(install.sh deploy-all.sh test.sh .ci/run)
  check ruff .venv/bin/ruff check .
  check format .venv/bin/ruff format --check .
  check mypy .venv/bin/mypy services workflows compose tests
  check shellcheck .venv/bin/shellcheck "${scripts[@]}"
  check shfmt .venv/bin/shfmt -d -i 2 -ci "${scripts[@]}"
}

run_unit() { run_pytest unit; }

run_nodes() {
  with_nodes || return
  check nodes-build npm_in_nodes run build
  check nodes-lint npm_in_nodes run lint
  npm_in_nodes test -- --reporter=default --reporter=junit --outputFile.junit="$PWD/$RESULTS/nodes.xml"
}

run_workflows() {
  with_nodes || return
  [[ -d n8n-custom-nodes/dist ]] || npm_in_nodes run build >/dev/null || return
  run_pytest workflows
}

run_integration() {
  command -v task >/dev/null || install_package Taskwarrior taskwarrior
  if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    install_package Chromium chromium chromium-driver
  fi
  run_pytest integration
}

run_e2e() { run_pytest e2e; }

run_bench() { .venv/bin/python -m tests.bench.gateway "${OPTIONS[@]}"; }

run_soak() { .venv/bin/python -m tests.bench.soak "${OPTIONS[@]}"; }

run_pytest() {
  .venv/bin/python -m pytest "tests/$1" --junit-xml="$RESULTS/$1.xml"
}

# Runs a tool that has no count of its own, as one test of that name.
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf 'passed  %s\n' "$name"
    printf '<testsuite tests="1" failures="0" errors="0" skipped="0"/>' >"$RESULTS/$name.xml"
  else
    printf '%s\nFAILED  %s\n' "$output" "$name"
    printf '<testsuite tests="1" failures="1" errors="0" skipped="0"/>' >"$RESULTS/$name.xml"
    return 1
  fi
}

npm_in_nodes() { (cd n8n-custom-nodes && PATH="$NODE_BIN:$PATH" npm --silent "$@"); }

# The nodes' own development packages: n8n's build and lint tools, vitest.
with_nodes() {
  local stamp=n8n-custom-nodes/node_modules/.installed lock=n8n-custom-nodes/package-lock.json
  [[ -f $stamp ]] && cmp -s "$stamp" "$lock" && return
  echo 'Installing the development packages of the nodes (750 MB, about a minute) ...'
  npm_in_nodes ci --loglevel=error || return
  cp "$lock" "$stamp"
}

# install_package NAME PACKAGE...: what the integration tests need of the system.
install_package() {
  local name=$1
  shift
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    fail "the integration tests need $name: install it (Debian: apt-get install $*)"
  fi
  printf 'Installing %s ...\n' "$name"
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

fail() {
  printf 'test.sh: %s\n' "$1" >&2
  exit 2
}

main "$@"
