#!/usr/bin/env bash
#
# Runs the Hybrid AI Stack on this machine, without containers: installs what is missing (./install.sh), makes
# secrets and databases, starts everything under supervisor, and sends a first prompt. Safe to run again: it only
# does what is missing. It keeps to this folder (or STACK_DIR) and listens on loopback only, unless .env says else.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./deploy-all.sh [COMMAND] [--dry-run]

  local            install what is missing, start everything, send a first prompt (the default)
  status           what runs, where, and whether it is well
  logs [PROGRAM]   follow the logs of all programs, or of one (n8n, scorer, cost_ledger, ...)
  stop             stop everything; data stays
  key              print the first API key, and nothing else
  password         print the password of n8n's owner, and nothing else
  costs            print where the cost page is, and the token that it asks for
  ledger ...       API keys, old months, and the books against the provider's; --help for more
  recalibrate ...  propose routing that fits your own traffic; --apply to use it, --help for more

  --dry-run        only say what `local` would do
  --help           this text

Settings: copy .env.example to .env, change it, run ./deploy-all.sh again.
TEXT
}

die() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

run_python() {
  [[ -x .venv/bin/python ]] || die 'nothing is installed yet: run ./deploy-all.sh first'
  exec .venv/bin/python -m compose.local "$@"
}

deploy_local() {
  if [[ $1 == yes ]]; then
    ./install.sh --dry-run
    [[ ! -x .venv/bin/python ]] || run_python up --dry-run
    return
  fi
  ./install.sh
  run_python up
}

main() {
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
  case "${1-}" in
    ledger | recalibrate) run_python "$1" -- "${@:2}" ;;
  esac
  local dry_run=no
  local -a words=()
  for word in "$@"; do
    case "$word" in
      --dry-run) dry_run=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      -*) die "unknown option: $word (see ./deploy-all.sh --help)" 2 ;;
      *) words+=("$word") ;;
    esac
  done
  local command="${words[0]:-local}"
  case "$command" in
    docker | aws | gcp) die "$command is not part of this release yet; ./deploy-all.sh runs the stack on this machine" 2 ;;
  esac
  [[ $dry_run == no || $command == local ]] || die "--dry-run goes with local only" 2
  local most=1
  [[ $command != logs ]] || most=2
  [[ ${#words[@]} -le $most ]] || die "too many words for $command (see ./deploy-all.sh --help)" 2
  case "$command" in
    local) deploy_local "$dry_run" ;;
    status | logs | stop | key | password | costs) run_python "${words[@]}" ;;
    *) die "unknown command: $command (see ./deploy-all.sh --help)" 2 ;;
  esac
}

main "$@"
