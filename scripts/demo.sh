#!/bin/sh
# demo.sh SOTTO   Transcribe the recording in assets/ with Whisper base. The first run fetches the weights.
set -eu
sotto=$1
cd "$(dirname "$0")/.."

"$sotto" model fetch -q base
"$sotto" model fetch -q vad
echo "30 seconds of a meeting (AMI corpus, CC BY 4.0), assets/meeting.wav:" >&2
exec "$sotto" transcribe assets/meeting.wav -m base
