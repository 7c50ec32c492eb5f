#!/bin/sh
# constancy.sh BUILD DATA [PART...]   Speed and memory from ten minutes to ten hours, by threads, and beside a busy core; see constancy.py. ROUNDS=n: 5.
set -eu
cd "$(dirname "$0")/.."
build=$1 data=$2
shift 2

model=$("$build/sotto" model fetch base)
python=$(scripts/venv.sh "$build")
exec "$python" -B bench/constancy.py --sotto "$build/sotto" --model "$model" --data "$data" --work "$build-rivals/bench" --rounds "${ROUNDS:-5}" "$@"
