#!/usr/bin/env bash
# Training, end to end. The demo's network on Fashion-MNIST trains for 15 s, converts, and gives the trainer's scores on the engine.
# The seed's experiment, short: LmnetV1 with the values of examples/configs/cifar10_lmnet_v1.yaml on the CIFAR-10 class folders of ../shared/data trains,
# is interrupted, resumes, converts, runs. Accuracy is not judged: a minute of training is far too little for one.
#   tests/acceptance_train.sh [BUILD_FOLDER] [MINUTES]        (default: build 0.5)
# Prints one line a check, images/s of training and the artefact's latency. What is absent here is skipped with a line that says so.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
minutes=${2:-0.5}
tool=$build/bin/bluestem
archive=$root/../shared/data/cifar10-images.tar.gz
work=$build/acceptance
images=$work/cifar10
mkdir -p "$work"
passed=0 failed=0

check() {
  local text=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    printf 'PASS  %s\n' "$text"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$text"
    tail -n 5 "$work/log"
  fi
}
number() { grep -oE "\"$2\": *[-0-9.e+]+" "$1" | head -n 1 | grep -oE '[-0-9.e+]+$'; }

finish() {
  printf '%d passed, %d failed\n' $passed $failed
  [ $failed = 0 ]
}

[ -x "$build/bin/bluestem-train" ] || { echo "skipped: $build/bin/bluestem-train is not built"; exit 0; }

# 1. The demo's network, whole, on the engine.
fashion=/usr/share/datasets/fashion-mnist
run=$work/fashion
export BLUESTEM_CACHE=$build/fpga-sim
# on_engine DEVICE: some of the calls of an inference are counted in the engine's clocks.
on_engine() {
  "$tool" benchmark -m "$run.artefact" -d "HETERO:$1,CPU" --count 1 --pc --json >"$work/fashion.json" || return 1
  grep -q '"cycles": *[1-9]' "$work/fashion.json" || { echo "no call has clocks of the engine"; return 1; }
}
if [ -d $fashion ]; then
  rm -rf "$run" "$run.artefact" "$run.artefact.tar.gz"
  check "the demo's network trains on Fashion-MNIST for 15 s" \
    "$tool" train -c "$root/examples/configs/fashion_mnist.yaml" -o "$run" --set train.max_minutes=0.25 --set train.fp32_baseline=false
  check "it converts and verifies for x86-64 and the engine" "$tool" convert "$run" -o "$run.artefact" --target x86-64 --target fpga
  for device in FPGA-MODEL FPGA-SIM; do
    if [ $device = FPGA-SIM ] && ! command -v verilator >/dev/null; then
      echo "skipped: FPGA-SIM: no verilator"
      continue
    fi
    check "$device: classes and scores of 100 images are the trainer's, bit for bit" \
      "$tool" evaluate "$run.artefact" --data $fashion/t10k-images-idx3-ubyte.gz --limit 100 -d "HETERO:$device,CPU" --compare "$run"
    check "$device: calls of it run on the engine" on_engine $device
  done
else
  echo "skipped: $fashion is absent (apt-get install dataset-fashion-mnist)"
fi

# 2. The seed's experiment.
[ -f "$archive" ] || { echo "skipped: $archive is absent"; finish; exit; }
mkdir -p "$images"
for part in train test; do
  [ -d "$images/$part" ] || tar -xzf "$archive" -C "$images" $part || { rm -rf "${images:?}/$part"; exit 1; }
done

run=$work/lmnet_v1
rm -rf "$run" "$run.artefact" "$run.artefact.tar.gz" "$run.output"
settings=(--set "data.path=$images/train" --set "data.validation=$images/test" --set "train.max_minutes=$minutes")
# Interrupts as a user does, once the run has taken some steps.
interrupted() {
  "$tool" train -c "$root/examples/configs/cifar10_lmnet_v1.yaml" -o "$run" "${settings[@]}" --set train.checkpoint_steps=2 &
  local pid=$! waited=0 code
  while kill -0 $pid 2>/dev/null && ! ls "$run"/checkpoints/step-*.ckpt >/dev/null 2>&1 && [ $waited -lt 600 ]; do
    sleep 0.2
    waited=$((waited + 1))
  done
  kill -INT $pid
  wait $pid
  code=$?
  [ $code = 130 ] || { echo "exit code $code; expected 130"; return 1; }
}
check "LmnetV1 on CIFAR-10 folders starts and stops at Ctrl-C with its state saved" interrupted
check "it resumes to the end" "$tool" train -o "$run" --resume
for file in model.onnx report.html evaluation.json metrics.csv checkpoints/best.ckpt; do
  check "it left $file" test -s "$run/$file"
done
check "it converts and verifies" "$tool" convert "$run" -o "$run.artefact" --target x86-64
check "compiled and trainer's scores of 500 images are equal" \
  "$tool" evaluate "$run.artefact" --data "$images/test" --limit 500 --compare "$run"
picture=$(find "$images/test/ship" -name '*.jpg' | sort | head -n 1)
check "it runs on a picture" "$tool" run -i "$picture" -m "$run.artefact" -o "$run.output" --trial 300 --json
cp "$work/log" "$work/lmnet_v1.json"

printf 'training %s images/s, artefact %s us an image (one thread)\n' "$(number "$run/run.json" images_per_second | cut -d. -f1)" \
  "$(awk "BEGIN { printf \"%.0f\", 1e6 * $(number "$work/lmnet_v1.json" inference) }")"
finish
