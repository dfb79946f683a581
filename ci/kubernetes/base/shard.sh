#!/bin/sh
# One shard of a run: the command of the pods of the Indexed Job. Arguments are further options of `emqx-conformance run`.
#   JOB_COMPLETION_INDEX  set by Kubernetes, from 0        SHARDS  how many there are
#   REPORTS               where reports of all shards go   RUN     names the run below it
set -eu
reports="$REPORTS/$RUN/$JOB_COMPLETION_INDEX"
mkdir -p "$reports"
rm -f "$reports/done" "$reports/ended"
# The mark `done` says that a report is there. What ends without one is tried again; `ended` tells who copies reports.
trap 'touch "$reports/ended"' EXIT

for journal in "$reports"/journal-*.jsonl; do
    if [ -e "$journal" ]; then
        # A pod before this one was killed: what it created is deleted before anything begins.
        emqx-conformance sweep --journal "$reports"
        break
    fi
done

code=0
emqx-conformance run --quiet --shard "$((JOB_COMPLETION_INDEX + 1))/$SHARDS" --report-dir "$reports" "$@" || code=$?
case "$code" in
    0 | 1 | 2 | 3) touch "$reports/done" ;;
esac
case "$code" in
    0 | 1 | 3) exit 0 ;; # what that means for the whole is decided by the merge
    *) exit "$code" ;;
esac
