#!/bin/sh
# Copies a folder of reports into the bucket once whoever writes it has ended. The folder: that of the shard, or `merged`.
#   REPORTS, RUN, BUCKET; JOB_COMPLETION_INDEX in the pods of shards; MERGE_AFTER_S: how long to wait, at most
set -eu
folder="$RUN/${JOB_COMPLETION_INDEX:-merged}"
waited=0
while [ ! -e "$REPORTS/$folder/ended" ] && [ "$waited" -lt "$MERGE_AFTER_S" ]; do
    sleep "${PAUSE_S:-5}"
    waited=$((waited + ${PAUSE_S:-5}))
done
rclone copy --exclude "/.state-*/**" --exclude /done "$REPORTS/$folder" "bucket:$BUCKET/$folder"
# The mark comes last: who waits for it finds the rest.
if [ -e "$REPORTS/$folder/done" ]; then
    rclone copy "$REPORTS/$folder/done" "bucket:$BUCKET/$folder"
fi
