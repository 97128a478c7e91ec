#!/bin/sh
# make pins: resolves every requirements.in, or those of the given stages, into hashed pins beside it. Pins that still fit are kept.
set -eu
cd "$(dirname "$0")/../.."
uv=.venv/bin/uv
compile() {
    "$uv" pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate "$@"
}
if [ $# = 0 ]; then
    compile pyproject.toml --group dev -o requirements.txt
    compile requirements.bootstrap.in -o requirements.bootstrap.txt
    compile tests/requirements.in -o tests/requirements.txt
    compile tests/labelstudio.in -o tests/labelstudio.txt
    compile tests/readers.in --override tests/readers.overrides.txt -o tests/readers.txt
    for peer in benchmarks/peers/*.in; do
        overrides="${peer%.in}.overrides.txt"
        [ -f "$overrides" ] && overrides="--override $overrides" || overrides=""
        # shellcheck disable=SC2086
        compile "$peer" $overrides -o "${peer%.in}.txt"
    done
    # shellcheck disable=SC2046
    set -- $(ls components)
fi
for stage in "$@"; do
    folder="components/$stage/"
    [ -f "${folder}requirements.in" ] || continue
    for set in requirements requirements.gpu; do
        [ -f "$folder$set.in" ] || continue
        overrides="${folder}overrides${set#requirements}.txt"
        [ -f "$overrides" ] && overrides="--override $overrides" || overrides=""
        # shellcheck disable=SC2086
        compile "$folder$set.in" $overrides -o "$folder$set.txt"
    done
    if [ -f "${folder}models.in" ]; then compile --no-deps "${folder}models.in" -o "${folder}models.txt"; fi
done
