# shellcheck shell=bash
# Part of scripts/slurm-cluster: finding, stopping and killing the processes of the cluster in $DIR, and no others.

# Every daemon is started with this variable, so that a stale pid file can never point a signal at a stranger.
OWNER=SLURM_CLUSTER_OWNER

# Of the processes given (default all), those whose environment has a variable that matches this pattern as a whole. Prints pids.
pids_with() {
  local pattern=$1
  shift
  [ $# -gt 0 ] || set -- /proc/[0-9]*
  { grep -lzx -e "$pattern" "${@/%//environ}" || true; } 2>/dev/null | cut -d/ -f3
}

# pids of this cluster: daemons by their mark, job processes by SLURM_CONF together with SLURMD_NODENAME (a shell of the user has
# only the first), slurmstepds (whose environment is overwritten by their process title) by the log file they hold open.
# $1: only of this node; empty: all. Prints pids.
cluster_pids() {
  local node=${1-} config=${SLURM_CONF//./\\.} jobs comm
  [ -n "$node" ] || pids_with "$OWNER=${DIR//./\\.}"
  mapfile -t jobs < <(pids_with "SLURM_CONF=$config")
  [ ${#jobs[@]} = 0 ] || pids_with "SLURMD_NODENAME=${node:-.*}" "${jobs[@]/#//proc/}"
  for comm in $({ grep -lx slurmstepd /proc/[0-9]*/comm || true; } 2>/dev/null); do
    if { find "${comm%comm}fd" -type l -printf '%l\n' || true; } 2>/dev/null | grep -q "^${DIR//./\\.}/log/slurmd\.${node:-.*}\.log"; then
      cut -d/ -f3 <<<"$comm"
    fi
  done
}

# All descendants of the given pids, themselves included: a job may have emptied its children's environment.
with_descendants() {
  { grep -H '^PPid:' /proc/[0-9]*/status || true; } 2>/dev/null | awk -F '[/:[:space:]]+' -v roots="$*" '
    BEGIN { n = split(roots, r, " "); for (i = 1; i <= n; i++) found[r[i]] = 1 }
    { parent[$3] = $NF }
    END { do { grew = 0; for (p in parent) if (!(p in found) && (parent[p] in found)) { found[p] = 1; grew = 1 } } while (grew)
          for (p in found) print p }'
}

# SIGKILL until nothing is left; a forking job may need more than one round. $1: node or empty.
kill_pids_of() {
  local round pids all
  for round in 1 2 3 4 5 6 7 8 9 10; do
    pids=$(cluster_pids "${1-}")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    all=$(with_descendants $pids)
    # shellcheck disable=SC2086
    kill -KILL $all 2>/dev/null || true
    sleep 0.05
  done
  die "these processes of $DIR did not die: $(cluster_pids "${1-}" | tr '\n' ' ')"
}

# The pid in a pid file, if that process is alive and is this cluster's.
recorded_pid() {
  local pid
  pid=$(cat "$DIR/run/$1.pid" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] && pids_with "$OWNER=${DIR//./\\.}" "/proc/$pid" | grep .
}

# SIGTERM by pid file, and wait until it is gone; SIGKILL after $2 seconds.
stop_daemon() {
  local pid
  pid=$(recorded_pid "$1") || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  wait_for "${2:-10}" gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
  rm -f "$DIR/run/$1.pid"
}

gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.*zombie' "/proc/$1/status" 2>/dev/null; }

# wait_for SECONDS COMMAND …: true as soon as the command is, false when the time is up.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}
