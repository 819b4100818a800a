#!/bin/bash
# The script every array element of a slurmctl job runs. It does three things: set the environment, enter the working
# directory, and become the worker.
#
# Slots in double braces are filled at submission, always as quoted shell words: never put quotes round them. There are no
# #SBATCH lines here, because every option goes on the sbatch command line (`slurmctl plan` shows it). To add a site's own set-up
# (`module load …`, `ulimit …`), put it above the last line.

# What the worker is told: where the job's state lives, and which job it belongs to.
{{environment}}

# sbatch --chdir falls back to /tmp when the directory is missing on the node; this says so and fails instead.
cd -- {{cwd}} || { echo "slurmctl: this node cannot enter the working directory of the job" >&2; exit 66; }

# exec: the worker takes the place of this shell, so that it is the batch step itself. Slurm's SIGUSR2 (time is nearly up),
# SIGTERM and SIGCONT then reach the worker; bash would hold them back until its child has ended.
exec -- {{command}}
