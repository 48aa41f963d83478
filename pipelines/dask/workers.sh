#!/usr/bin/env bash
# Start a scheduler and N single-threaded workers for `maphc2f generate --scheduler-file FILE`, and stop them with Ctrl-C.
#
#   pipelines/dask/workers.sh FILE N
#   maphc2f generate --categories all --out ds --scheduler-file FILE
#
# On more machines start further workers there, with the same FILE on a shared file system:
#
#   dask worker --scheduler-file FILE --nworkers N --nthreads 1 --memory-limit 0
#
# Requirements: maphc2f in the same version everywhere, the dataset folder under the same path everywhere.
set -euo pipefail

if [[ $# -ne 2 ]]; then
  echo "usage: $0 FILE N" >&2
  exit 2
fi
file=$1
workers=$2

rm -f "$file"
dask scheduler --scheduler-file "$file" --port 0 &
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
until [[ -s $file ]]; do
  sleep 0.2
done
# One thread a worker, and no limit that restarts a worker in the middle of a shard: its memory is bounded by its batch.
dask worker --scheduler-file "$file" --nworkers "$workers" --nthreads 1 --memory-limit 0 &
# In the background, so that a signal is heeded at once; if either ends, so does the other.
wait -n
