#!/bin/sh
# Runs every experiment again and writes results/; `make results DATA=FOLDER` calls it.
# Finished cells are kept in build/results: killed and started again, it goes on where it was, and
# what another version of the code has measured is measured anew.
# MODELS="wren" and ONLY="kv order" do a part of it; LONG=1 adds what takes hours.
set -eu
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data}
BIN=${BIN:-.venv/bin}
PG19=$DATA/text/pg19
IRC=$DATA/text/ubuntu_irc
MODELS=${MODELS:-smollm2-135m tinystories-656k wren}
ONLY=${ONLY:-} # all
[ -d "$DATA/text" ] || {
    echo "there is no folder $DATA/text; README, \"Measured\", says where its texts can be had" >&2
    exit 1
}
export OPENBLAS_NUM_THREADS=1
MLXDYN_HOME=$PWD/build/results/home # rates that are kept there are of these runs, not yours
export MLXDYN_HOME
PLAIN="book-349 book-1684 book-3125 book-9096 book-7684 irc scotus tinystories wikitext2 shakespeare \
    invented told novels years courts logs books memory two-messages corrections retention" # numbers for a table, without a picture

# run NAME OPTION...: one report of $model as results/$model/NAME.json and .svg
run() {
    name=$1
    shift
    case " ${ONLY:-$name} " in *" $name "*) ;; *) return 0 ;; esac
    began=$(date +%s)
    rm -f "$MLXDYN_HOME/rates.json" # every run chooses for itself, so that it repeats
    case " $PLAIN " in *" $name "*) picture= ;; *) picture="--plot results/$model/$name.svg" ;; esac
    "$BIN/mlxdyn" eval --model "$place" "$@" --json "results/$model/$name.json" $picture
    "$BIN/python" -m json.tool --compact --no-ensure-ascii "results/$model/$name.json" build/compact.json
    mv build/compact.json "results/$model/$name.json" # a third of a megabyte less of blanks, in all
    if [ -n "$picture" ]; then # hundredths of a point are enough
        sed -E 's/^ +//; s/([0-9]{2,}\.[0-9]{2})[0-9]+/\1/g' "results/$model/$name.svg" >build/lean.svg
        mv build/lean.svg "results/$model/$name.svg"
    fi
    echo "results/$model/$name: $(($(date +%s) - began)) seconds" >&2
}

# experiments OPTION...: all that ask for one text and another to choose on
experiments() {
    run position --experiment position "$@"
    for each in window placement interval optimizer cost kv precision; do
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

# smollm2: short streams with intervals, the cheapest and most telling first. The experiments state
# the rate that the defaults chose on each of the texts before them.
smollm2() {
    "$BIN/mlxdyn" model download smollm2-135m >&2
    "$BIN/python" results/texts.py "$DATA" build/results/text
    kept="--out build/results"
    run book-7684 "$PG19/7684.txt" --skip 20000 --limit 1600
    long="--limit 3201" # tokens: of fewer an interval says little
    run irc "$IRC/2016-12-19_20.raw.txt" $long
    run scotus "$DATA/text/scotus/2009_06_breyer.txt" $long
    run book-349 "$PG19/349.txt" --skip 20000 $long
    for book in 1684 3125 9096; do
        run "book-$book" "$PG19/$book.txt" --skip 20000 --limit 1089
    done
    run invented build/results/text/irc_invented.txt --limit 1089
    run told build/results/text/told.txt $long
    run tinystories "$DATA/text/tinystories/tinystories_200k.txt" $long
    run wikitext2 "$DATA/text/wikitext2/test.txt" $long
    run shakespeare "$DATA/text/tinyshakespeare/input.txt" --limit 641

    book="$PG19/349.txt --skip 20000"
    run position --experiment position $book --limit 1537 --lr 1e-4
    run precision --experiment precision $kept $book --limit 513 --lr 1e-4
    run cost --experiment cost $kept $book --window 512 --limit 257 --lr 1e-4
    run kv --experiment kv $kept $book --limit 385 --lr 1e-4
    "$BIN/python" results/chats.py "$DATA/memory/users20/profiles.json"
    run history --experiment history $kept --limit 1281 --lr 1e-4
    seven="--grid lr=3e-6,1e-5,3e-5,1e-4,3e-4,1e-3,3e-3"
    run rates-book "$PG19/7684.txt" --skip 40000 --limit 449 $kept $seven
    run rates-irc "$IRC/2016-12-19_20.raw.txt" --skip 20000 --limit 449 $kept $seven
    run rates-scotus "$DATA/text/scotus/2009_06_breyer.txt" --skip 20000 --limit 449 $kept $seven
    run window --experiment window $kept $book --limit 833 --lr 1e-4
    tune="--window 512 --lr 1e-4 --tune $PG19/3125.txt"
    run placement --experiment placement $kept $book --limit 385 $tune --tune-limit 321
    three="$kept $book --window 512 --limit 321 --grid lr=3e-5,1e-4,3e-4"
    run depth $three --grid layers=early,middle,late
    run kind $three --grid targets=attention,mlp
    years=$DATA/text/gutenberg_by_year
    run order --experiment order $kept --order date --strip-gutenberg --skip 3000 --limit-each 257 \
        --window 512 --lr 1e-4 --tune "$DATA/text/wikitext2/valid.txt" --tune-limit 257 \
        "$years/1400_2383.txt" "$years/1651_3207.txt" "$years/1776_147.txt" \
        "$years/1922_4300.txt" \
        "$IRC/2004-11-15_03.raw.txt" "$DATA/text/scotus/2009_06_breyer.txt"
    run prefit --experiment prefit $kept $book --window 512 --limit 449 --lr 1e-4 --tune-limit 540 \
        --tune "$PG19/1684.txt" --tune "$PG19/2021.txt" --tune "$PG19/2118.txt" \
        --tune "$PG19/3125.txt" --tune "$PG19/3649.txt" --tune "$PG19/5274.txt"
    run interval --experiment interval $kept $book --window 512 --limit 257 --lr 1e-4
    run optimizer --experiment optimizer $kept $book --limit 193 $tune --tune-limit 257
    run recompute $book --context recompute --limit 449 --lr 1e-4 $kept --grid window=64,256,1024
    run window-2048 $book --limit 2561 --lr 1e-4 $kept --grid window=512,2048
    run years "$DATA/text/gutenberg_by_year" --strip-gutenberg --skip 3000 --limit-each 129
    run novels "$DATA/text/novels" --limit-each 129
    run books "$PG19" --limit-each 129
    run courts "$DATA/text/scotus" --limit-each 129
    run logs "$IRC" --limit-each 129
    [ -n "${LONG:-}" ] || return 0 # hours: windows to 2,048 on text that fills them, kept or computed anew
    run window-long --experiment window $kept $book --limit 4097 --lr 1e-4
    run recompute-long --experiment window --context recompute $kept $book --limit 4097 --lr 1e-4
    # 45 of the 60 people on whom nothing was developed: those who tell one message; 75 s of processor each
    awk 'NR % 3 != 1' "$DATA/memory/told/told.jsonl" |
        grep -E '"messages": \["([^"\\]|\\.)*"\]' >build/results/told45.jsonl
    run memory --experiment memory $kept build/results/told45.jsonl # chats, told and asked
    "$BIN/python" results/bounds.py "$model" build/results/told45.jsonl >"results/$place/bounds.md"
    awk 'NR % 3 != 1' "$DATA/memory/told/told.jsonl" |
        grep -vE '"messages": \["([^"\\]|\\.)*"\]' >build/results/two-messages.jsonl
    run two-messages --experiment memory $kept build/results/two-messages.jsonl # the other 15
    run corrections --experiment memory --study-every 20 $kept results/corrections.jsonl # twelve people who move on
    run retention --experiment memory --later 40 --study-every 20 $kept results/retention.jsonl
}

for model in $MODELS; do
    mkdir -p "results/$model" build/results
    case $model in
    smollm2-135m)
        place=$model
        smollm2
        continue
        ;;
    gemma*) # a base for measuring only, which `mlxdyn model add FILE.gguf` brought into MLXDYN_HOME
        place=$model
        run book-349 "$PG19/349.txt" --skip 20000 --limit 449
        run irc "$IRC/2016-12-19_20.raw.txt" --limit 449
        continue
        ;;
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
        if [ -n "${LONG:-}" ]; then # three people of twenty facts each
            "$BIN/python" -m models.recipe.people --seeds 101,102,103 >build/results/people.jsonl
            run memory --experiment memory --seeds 3 --study-every 20 --out build/results build/results/people.jsonl
        fi
        ;;
    esac
    history
done

"$BIN/python" results/index.py
