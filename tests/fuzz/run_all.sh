#!/bin/sh
# All targets one after another, one process at a time and at the lowest priority.
#   sh tests/fuzz/run_all.sh PYTHON FOLDER SECONDS_EACH RUNS_EACH TARGET ...
# FOLDER gets a corpus and a log per target, and summary.txt: target, exit status, executions, seconds.
# The target "mutations" is run_mutations.py, for fifteen times as long.
set -u
python=$1 folder=$2 seconds=$3 runs=$4
shift 4
here=$(dirname "$0")
mkdir -p "$folder/corpus"
for target in "$@"; do
  if [ "$target" = mutations ]; then
    nice -n 19 "$python" "$here/run_mutations.py" "$folder/mutations" 2026 $((seconds * 15)) 0.12 \
      > "$folder/mutations.txt" 2>&1
    echo "mutations status=$? $(head -1 "$folder"/mutations/mutations-2026.txt)" >> "$folder/summary.txt"
    continue
  fi
  begin=$(date +%s)
  nice -n 19 "$python" "$here/run_atheris.py" "$target" "$folder/corpus/$target" \
    "-runs=$runs" "-max_total_time=$seconds" -timeout=20 "-artifact_prefix=$folder/$target-" \
    > "$folder/$target.txt" 2>&1
  status=$?
  done=$(grep -h -o 'Done [0-9]* runs' "$folder/$target.txt" | tail -1 | cut -d' ' -f2)
  echo "$target status=$status executions=${done:-stopped} seconds=$(($(date +%s) - begin))" >> "$folder/summary.txt"
done
echo finished >> "$folder/summary.txt"
