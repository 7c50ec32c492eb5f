#!/bin/sh
# model_cli_test.sh SOTTO SYNTHETIC_MODEL   What `sotto model` says, where, and with which exit status.
set -u
sotto=$1 synthetic=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export SOTTO_MODELS="$folder/models"
mkdir "$SOTTO_MODELS"
failed=0 cases=0

# expect STATUS STDOUT_PATTERN STDERR_PATTERN ARGUMENTS...   An empty pattern: nothing may be said there.
expect() {
    want=$1 out=$2 err=$3
    shift 3
    cases=$((cases + 1))
    "$sotto" model "$@" >"$folder/out" 2>"$folder/err"
    status=$?
    ok=yes
    [ "$status" = "$want" ] || ok=no
    for stream in out err; do
        pattern=$out
        [ $stream = out ] || pattern=$err
        if [ -z "$pattern" ]; then [ ! -s "$folder/$stream" ] || ok=no; else grep -q -- "$pattern" "$folder/$stream" || ok=no; fi
    done
    # A refusal is one line, unless it is a lesson in usage.
    if [ "$want" = 1 ] && [ "$(wc -l <"$folder/err")" != 1 ]; then ok=no; fi
    if [ $ok = no ]; then
        failed=$((failed + 1))
        echo "sotto model $*: status $status, wanted $want" >&2
        cat "$folder/out" "$folder/err" >&2
    fi
}

expect 0 '' 'no models in' list
"$synthetic" "$SOTTO_MODELS/one.sotto" int8 || exit 1
"$synthetic" "$SOTTO_MODELS/one.f32.sotto" f32 || exit 1
"$synthetic" "$folder/a name
with 'quotes'.sotto" int8 64 1 || exit 1
touch "$SOTTO_MODELS/.hidden.sotto" "$SOTTO_MODELS/notes.txt"
expect 0 'synthetic *int8 .* 2 + 2 .* 64 channels, *80 mel bins, multilingual' '' list
[ "$(wc -l <"$folder/out")" = 2 ] || { echo "list: not two models" >&2; failed=$((failed + 1)); }

expect 0 '^hash  *[0-9a-f]\{32\}$' '' show one
expect 0 '^precision  *int8$' '' show one
expect 0 '^precision  *f32$' '' show --precision f32 one
expect 0 '^vocabulary  *51865 tokens, [0-9]* suppressed, 99 languages$' '' show "$SOTTO_MODELS/one.sotto"
expect 0 'layers' '' show "$folder/a name
with 'quotes'.sotto"
expect 0 'ok$' '' verify one
expect 0 'ok$' '' verify --precision=f32 one

expect 1 '' 'none.sotto: No such file' show none
expect 1 '' 'folder, not a model' show "$folder/"
printf 'hello\n' >"$folder/text.sotto"
expect 1 '' 'text.sotto: not a sotto model file' show "$folder/text.sotto"
head -c 100000 "$SOTTO_MODELS/one.sotto" >"$folder/cut.sotto"
expect 1 '' 'cut.sotto: truncated' show "$folder/cut.sotto"
cp "$SOTTO_MODELS/one.sotto" "$folder/changed.sotto"
printf '\001\002\003' | dd of="$folder/changed.sotto" bs=1 seek=3000000 conv=notrunc 2>/dev/null
expect 0 'layers' '' show "$folder/changed.sotto"
expect 1 '' 'weights do not match their hash' verify "$folder/changed.sotto"

# One damaged model: the others are still listed.
cp "$folder/cut.sotto" "$SOTTO_MODELS/broken.sotto"
expect 1 'synthetic' 'broken.sotto: truncated' list
rm "$SOTTO_MODELS/broken.sotto"

expect 1 '' 'neither model.bin, model.safetensors nor encoder_model.onnx' import "$folder" -o x
expect 1 '' 'neither weights of CTranslate2 nor of safetensors, ggml or ONNX' import "$folder/text.sotto" -o "$folder/x.sotto" --vocab "$folder/text.sotto"
expect 1 '' 'No such file' import "$folder/missing" -o "$folder/x.sotto" --vocab "$folder/text.sotto"
expect 1 '' 'neither weights of CTranslate2' import "$folder/text.sotto" -o "$folder/x.sotto"
[ ! -e "$folder/x.sotto" ] && [ ! -e "$SOTTO_MODELS/x.sotto" ] || { echo "import: a file left over" >&2; failed=$((failed + 1)); }

expect 2 '' 'usage' ''
expect 2 '' 'not a command' frobnicate
expect 2 '' 'usage' show
expect 2 '' 'usage' import "$folder"
expect 2 '' 'not understood' import "$folder" -o
expect 2 '' 'not understood' show one two
expect 2 '' 'not understood' show -o x one
expect 2 '' 'int4: not a precision' show one --precision int4
expect 2 '' 'takes no arguments' list all
expect 2 '' 'not the name of a model' show ''
expect 0 'usage' '' --help
expect 0 'usage' '' show --help

# Without any folder to look in, a name cannot be found; a path can.
(
    unset SOTTO_MODELS XDG_CACHE_HOME HOME
    "$sotto" model show one >/dev/null 2>"$folder/err" && exit 1
    grep -q 'set SOTTO_MODELS' "$folder/err" && "$sotto" model show "$folder/models/one.sotto" >/dev/null
) || { echo "no folder: not told so" >&2; failed=$((failed + 1)); }

echo "$cases cases, $failed failed"
[ "$failed" = 0 ]
