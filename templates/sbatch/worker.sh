#!/bin/bash
# The script every array element of a slurmctl job runs. It sets the environment, enters the working directory, runs the worker
# as its child, and has somebody say what the worker was doing when it dies.
#
# Slots in double braces are filled at submission, always as quoted shell words: never put quotes round them. There are no
# #SBATCH lines here, because every option goes on the sbatch command line (`slurmctl plan` shows it). To add a site's own set-up
# (`module load …`, `ulimit …`), put it above the line that enters the working directory.

# What the worker is told: where the job's state lives, and which job it belongs to.
{{environment}}

# sbatch --chdir falls back to /tmp when the directory is missing on the node; this says so and fails instead.
cd -- {{cwd}} || { echo "slurmctl: this node cannot enter the working directory of the job" >&2; exit 66; }

# This shell outlives the worker, so signals that only the script gets (SIGUSR2: time is nearly up) have to be passed on. A shell
# runs its traps while it `wait`s for a child in the background, not while it runs one in the foreground. Slurm sends SIGTERM to
# all processes at once; the worker takes the second one for what it is.
pass_on() {
  local child=${worker-$!}
  if [ -n "$child" ]; then kill -s "$1" -- "$child" 2>/dev/null; elif [ "$1" = TERM ]; then exit 143; fi
}
trap 'pass_on TERM; signalled=1' TERM
trap 'pass_on USR2; signalled=1' USR2

# By this the worker knows that somebody looks at what it leaves behind, and by this it is found.
export SLURMCTL_SCRIPT_PID=$$
{{command}} &
worker=$!

# `wait` comes back early with a status of its own when a trap has run; the worker's own comes when none has.
status=127
while :; do
  signalled=
  wait "$worker" 2>/dev/null
  code=$?
  # 127: its status was fetched already, and a signal came just then.
  if [ "$code" -ne 127 ] || [ "$status" -eq 127 ]; then status=$code; fi
  [ -n "$signalled" ] || break
done
worker=

# 0 and 1 are the worker's own: its task is settled then. With anything else it died in the middle of something.
report=({{afterCrash}})
if [ "$status" -gt 1 ] && [ "${#report[@]}" -gt 0 ]; then
  echo "slurmctl: the worker ended with status $status" >&2
  limit=()
  if command -v timeout >/dev/null; then limit=(timeout --foreground 15); fi
  "${limit[@]}" "${report[@]}" "$status" \
    || echo "slurmctl: its end could not be reported; the next pass over the job learns of it from the batch system" >&2
fi

# A shell has a death by a signal as 128 + the signal; the batch system is to see the signal itself.
trap - TERM USR2
ulimit -c 0
if [ "$status" -gt 128 ]; then kill -s "$((status - 128))" -- "$$" 2>/dev/null; fi
exit "$status"
