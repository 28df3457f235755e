#!/bin/sh
# Runs every experiment again and writes results/; `make results DATA=FOLDER` calls it.
# Finished cells are kept in build/results: killed and started again, it goes on where it was.
set -eu
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data}
BIN=${BIN:-.venv/bin}
PG19=$DATA/text/pg19
IRC=$DATA/text/ubuntu_irc
SGD=$DATA/dialogue/sgd.jsonl
export OPENBLAS_NUM_THREADS=1

# run FOLDER NAME OPTION...: one report as FOLDER/NAME.json and .svg
run() {
    folder=results/$1 name=$2
    shift 2
    mkdir -p "$folder" build/results
    echo "$folder/$name" >&2
    "$BIN/mlxdyn" eval "$@" --json "$folder/$name.json" --plot "$folder/$name.svg"
}

# experiments FOLDER OPTION...: all that need nothing but a text
experiments() {
    place=$1
    shift
    for each in ${ONLY:-position window placement interval optimizer cost recall kv precision}; do
        run "$place" "$each" --experiment "$each" --out build/results "$@"
    done
}

tiny="--model $DATA/models/tinystories-656k"
# shellcheck disable=SC2086  # a model is two words
{
    experiments tinystories-656k $tiny "$PG19/349.txt" --skip 20000 --limit 4000 \
        --tune "$PG19/3125.txt"
    run tinystories-656k prefit --experiment prefit --out build/results $tiny "$PG19/349.txt" \
        --skip 20000 --limit 4000 --tune-limit 12000 --tune "$PG19/1684.txt" \
        --tune "$PG19/2021.txt" --tune "$PG19/2118.txt" --tune "$PG19/3125.txt" \
        --tune "$PG19/3649.txt" --tune "$PG19/5274.txt" --tune "$PG19/6012.txt"
    run tinystories-656k order --experiment order --out build/results $tiny \
        "$DATA/text/gutenberg_by_year" --order date --strip-gutenberg --skip 3000 --limit-each 300
    run tinystories-656k home $tiny "$DATA/text/tinystories/tinystories_200k.txt" --limit 4000
}
experiments wren "$IRC" --limit-each 400 --limit 2000 --tune "$IRC/2009-10-01_17.raw.txt"
run wren prefit --experiment prefit --out build/results "$IRC/2004-11-15_03.raw.txt" --limit 2000 \
    --tune-limit 12000 --tune "$IRC/2005-06-27_12.raw.txt" --tune "$IRC/2005-08-08_01.raw.txt" \
    --tune "$IRC/2008-12-11_11.raw.txt" --tune "$IRC/2009-02-23_10.raw.txt"
run wren order --experiment order --out build/results "$IRC" --order date --limit-each 200
run wren home "$SGD" --limit-each 200 --limit 2000

"$BIN/python" results/index.py
