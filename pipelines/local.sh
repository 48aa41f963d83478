#!/usr/bin/env bash
# Make a dataset on this machine and check it.
#
#   pipelines/local.sh DS [flags of maphc2f generate]
#   pipelines/local.sh ds --categories all --until 06:00
#
# Run it again to go on: it continues where it stopped. Ends with the exit code of the first command that did not end
# with 0: 2 wrong input or a full disk, 3 samples are missing (or the time was up), 4 verification found differences.
set -euo pipefail

if [[ $# -lt 1 ]]; then
  echo "usage: $0 DS [flags of maphc2f generate]" >&2
  exit 2
fi
dataset=$1
shift
if [[ $# -eq 0 ]]; then
  set -- --categories all
fi

maphc2f generate --out "$dataset" "$@"
maphc2f verify "$dataset"
maphc2f status "$dataset"
