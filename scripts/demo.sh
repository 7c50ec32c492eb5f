#!/bin/sh
# demo.sh SOTTO   Transcribe the recording in assets/ with Whisper base. The first run fetches the weights.
set -eu
sotto=$1
assets=$(dirname "$0")/../assets

"$sotto" model fetch base >&2
echo "30 seconds of a meeting (AMI corpus, CC BY 4.0), $assets/meeting.wav:" >&2
exec "$sotto" transcribe "$assets/meeting.wav" -m base
