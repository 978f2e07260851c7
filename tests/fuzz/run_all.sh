#!/bin/sh
# All targets one after another, one process at a time and at the lowest priority.
#   sh tests/fuzz/run_all.sh PYTHON FOLDER SECONDS_EACH RUNS_EACH
# FOLDER gets a corpus and a log per target, and summary.txt: target, exit status, executions, seconds.
set -u
python=$1 folder=$2 seconds=$3 runs=$4
here=$(dirname "$0")
mkdir -p "$folder/corpus"
: > "$folder/summary.txt"
for target in container header note stamps frame items manifest packed_columns activity json log_files \
              certificate mail code toml; do
  begin=$(date +%s)
  nice -n 19 "$python" "$here/run_atheris.py" "$target" "$folder/corpus/$target" \
    "-runs=$runs" "-max_total_time=$seconds" -timeout=20 "-artifact_prefix=$folder/$target-" \
    > "$folder/$target.txt" 2>&1
  status=$?
  done=$(grep -h -o 'Done [0-9]* runs' "$folder/$target.txt" | tail -1 | cut -d' ' -f2)
  echo "$target status=$status executions=${done:-stopped} seconds=$(($(date +%s) - begin))" >> "$folder/summary.txt"
done
echo finished >> "$folder/summary.txt"
