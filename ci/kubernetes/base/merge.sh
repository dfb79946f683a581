#!/bin/sh
# One report of all shards, once they are done or the time is up: the verdict is the exit code. Arguments are further
# options of `emqx-conformance report merge`. What is missing by then makes the run inconclusive.
#   SHARDS  how many there are        MERGE_AFTER_S  how long to wait for them, at most
#   REPORTS, RUN  as for the shards
set -eu
waited=0
while [ "$waited" -lt "$MERGE_AFTER_S" ]; do
    missing=0
    index=0
    while [ "$index" -lt "$SHARDS" ]; do
        [ -e "$REPORTS/$RUN/$index/done" ] || missing=$((missing + 1))
        index=$((index + 1))
    done
    [ "$missing" -gt 0 ] || break
    sleep "${PAUSE_S:-5}"
    waited=$((waited + ${PAUSE_S:-5}))
done
set -- --report-dir "$REPORTS/$RUN/merged" "$@"
index=0
while [ "$index" -lt "$SHARDS" ]; do
    if [ -d "$REPORTS/$RUN/$index" ]; then
        set -- "$@" "$REPORTS/$RUN/$index"
    fi
    index=$((index + 1))
done
mkdir -p "$REPORTS/$RUN/merged"
trap 'touch "$REPORTS/$RUN/merged/done" "$REPORTS/$RUN/merged/ended"' EXIT
emqx-conformance report merge "$@"
