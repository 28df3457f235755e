#!/bin/sh
# Runs every experiment again and writes results/; `make results DATA=FOLDER` calls it.
# Finished cells are kept in build/results: killed and started again, it goes on where it was.
# MODELS="wren" and ONLY="kv order" do a part of it.
set -eu
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data}
BIN=${BIN:-.venv/bin}
PG19=$DATA/text/pg19
IRC=$DATA/text/ubuntu_irc
MODELS=${MODELS:-tinystories-656k wren}
ONLY=${ONLY:-position window placement interval optimizer order prefit cost kv precision \
    history home auto rates}
export OPENBLAS_NUM_THREADS=1
MLXDYN_HOME=$PWD/build/results/home # rates that are kept there are of these runs, not yours
export MLXDYN_HOME

# run NAME OPTION...: one report of $model as results/$model/NAME.json and .svg
run() {
    name=$1
    shift
    case " $ONLY " in *" $name "*) ;; *) return 0 ;; esac
    began=$(date +%s)
    rm -f "$MLXDYN_HOME/rates.json" # every run chooses for itself, so that it repeats
    "$BIN/mlxdyn" eval --model "$place" "$@" \
        --json "results/$model/$name.json" --plot "results/$model/$name.svg"
    echo "results/$model/$name: $(($(date +%s) - began)) seconds" >&2
}

# experiments OPTION...: all that ask for one text and another to choose on
experiments() {
    for each in position window placement interval optimizer cost kv precision; do
        run "$each" --experiment "$each" --out build/results "$@"
    done
}

# automatic TEXT TUNE LIMIT: the rate chosen on TUNE for TEXT, beside a grid of rates on TEXT
automatic() {
    run auto "$1" --limit "$3" --lr auto --tune "$2" --tune-limit 2000
    run rates "$1" --limit "$3" --out build/results \
        --grid lr=3e-5,1e-4,3e-4,1e-3,3e-3,1e-2,3e-2
}

# history: chats that people made up for a benchmark, in a home of their own
history() {
    "$BIN/python" results/chats.py "$DATA/memory/users20/profiles.json"
    run history --experiment history --out build/results
}

for model in $MODELS; do
    mkdir -p "results/$model" build/results
    case $model in
    tinystories-656k)
        place=$DATA/models/$model
        experiments "$PG19/349.txt" --skip 20000 --limit 4000 --tune "$PG19/3125.txt" \
            --tune-limit 2000
        run order --experiment order --out build/results "$DATA/text/gutenberg_by_year" \
            --order date --strip-gutenberg --skip 3000 --limit-each 1000 --limit 14000
        run prefit --experiment prefit --out build/results "$PG19/349.txt" --skip 20000 \
            --limit 4000 --tune-limit 12000 --tune "$PG19/1684.txt" --tune "$PG19/2021.txt" \
            --tune "$PG19/2118.txt" --tune "$PG19/3125.txt" --tune "$PG19/3649.txt" \
            --tune "$PG19/5274.txt" --tune "$PG19/6012.txt"
        run home "$DATA/text/tinystories/tinystories_200k.txt" --limit 4000
        automatic "$PG19/7684.txt" "$PG19/17769.txt" 4000
        ;;
    *)
        place=$model
        experiments "$IRC" --limit-each 400 --limit 2000 --tune "$IRC/2009-10-01_17.raw.txt" \
            --tune-limit 1000
        run order --experiment order --out build/results "$IRC" --order date --limit-each 1000 \
            --limit 5000
        run prefit --experiment prefit --out build/results "$IRC/2004-11-15_03.raw.txt" \
            --limit 2000 --tune-limit 12000 --tune "$IRC/2005-06-27_12.raw.txt" \
            --tune "$IRC/2005-08-08_01.raw.txt" --tune "$IRC/2008-12-11_11.raw.txt" \
            --tune "$IRC/2009-02-23_10.raw.txt"
        run home "$DATA/dialogue/sgd.jsonl" --limit-each 200 --limit 2000
        automatic "$IRC/2016-12-19_20.raw.txt" "$IRC/2011-11-13_02.raw.txt" 2000
        ;;
    esac
    history
done

"$BIN/python" results/index.py
