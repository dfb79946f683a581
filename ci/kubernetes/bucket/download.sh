#!/bin/sh
# Copies the reports of all shards out of the bucket, once they are there or the time is up.
#   REPORTS, RUN, BUCKET, SHARDS, MERGE_AFTER_S
set -eu
waited=0
while [ "$waited" -lt "$MERGE_AFTER_S" ]; do
    there=$(rclone lsf --recursive --include "/*/done" "bucket:$BUCKET/$RUN" 2>/dev/null | grep -c "^[0-9]*/done$" || true)
    [ "$there" -lt "$SHARDS" ] || break
    sleep "${PAUSE_S:-5}"
    waited=$((waited + ${PAUSE_S:-5}))
done
rclone copy --exclude "/merged/**" "bucket:$BUCKET/$RUN" "$REPORTS/$RUN"
