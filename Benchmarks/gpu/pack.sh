#!/bin/bash
# Packs the programs, the libraries and the data that run.py needs on a machine with a GPU into one archive. There, neither a
# Swift compiler nor Debian's packages are needed, only glibc, the C++ runtime and Python with PyTorch.
#
#     Benchmarks/gpu/pack.sh [--output FOLDER] [--scratch-path FOLDER] [--cifar10 FOLDER] [--weights FILE] [--fast]
#
# Where --cifar10 names cifar-10-batches-bin and --weights the weights of SqueezeNet 1.0, run.py also follows the losses of
# both experiments on photos. Afterwards the folder (.gpu unless told otherwise) holds bundle.tar.xz and run.py. --fast packs
# in a third of the time, an eighth larger.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
output=$root/.gpu scratch=$root/.build-static cifar10='' weights='' limit=$((55 << 20)) build=1 preset=6
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=$2; shift 2 ;;
    --scratch-path) scratch=$2; shift 2 ;;
    --cifar10) cifar10=$2; shift 2 ;;
    --weights) weights=$2; shift 2 ;;
    --fast) preset=2; shift ;;
    --no-build) build=''; shift ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 1 ;;
  esac
done
programs="Workloads DeviceCheck TrainFromScratchExample FineTuneExample nn"
release=$scratch/release

if [ -n "$build" ]; then
  # Swift's static library for HTTP asks for -lcurl; the library itself will do where its headers are not installed.
  curl=$(ldconfig -p | awk '/libcurl\.so(\.4)? / { print $NF; exit }')
  [ -n "$curl" ] || { echo "libcurl is missing: apt-get install libcurl4"; exit 1; }
  mkdir -p "$scratch/link"
  ln -sf "$curl" "$scratch/link/libcurl.so"
  for program in $programs; do
    echo "==> Building $program"
    NN_WORKLOADS=1 swift build --package-path "$root" -c release --static-swift-stdlib --scratch-path "$scratch" \
      -Xlinker "-L$scratch/link" --product "$program"
  done
fi

mkdir -p "$output"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/bin" "$stage/lib" "$stage/fixtures"
for program in $programs; do
  cp "$release/$program" "$stage/bin/"
  strip "$stage/bin/$program"
done
# A library's resources are looked for beside the program.
cp -rL "$release"/*.resources "$stage/bin/" && rm -rf "$stage"/bin/*Tests.resources

# All shared libraries but glibc's and the C++ runtime, which NVIDIA's libraries need as new as that machine has them.
for program in $programs; do ldd "$stage/bin/$program"; done | awk '/=> \// { print $3 }' | sort -u |
  grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libutil|libstdc\+\+|libgcc_s|ld-linux[^/]*)\.so' |
  xargs -I{} cp -L {} "$stage/lib/"
chmod u+w "$stage"/lib/* && strip --strip-unneeded "$stage"/lib/*

for tests in NNCoreTests NNLayersTests; do
  for group in ops ops-arguments bfloat16 nn nn-arguments optim optim-arguments training; do
    folder=$root/Tests/$tests/Fixtures/$group
    if [ -d "$folder" ]; then cp -r "$folder" "$stage/fixtures/"; fi
  done
done
cp "$here"/*.py "$root"/Benchmarks/{peers,cores}.py "$stage/"
if [ -n "$cifar10" ]; then
  # A part, from which run.py makes files of the full size.
  mkdir "$stage/cifar10"
  head -c $((3073 * 800)) "$cifar10/data_batch_1.bin" > "$stage/cifar10/train.bin"
  head -c $((3073 * 100)) "$cifar10/test_batch.bin" > "$stage/cifar10/test.bin"
fi
if [ -n "$weights" ]; then cp "$weights" "$stage/squeezenet1_0.${weights##*.}"; fi

echo "==> Packing $(du -sh "$stage" | cut -f1)"
# The programs have much in common: the compressor has to see all of them at once.
tar -C "$stage" --owner=0 --group=0 --sort=name -cf - . |
  xz --lzma2=preset=$preset,dict=512MiB > "$output/bundle.tar.xz"
cp "$here/run.py" "$output/"
size=$(stat -c %s "$output/bundle.tar.xz")
echo "==> $output/bundle.tar.xz: $((size >> 10)) KiB"
[ "$size" -le "$limit" ] || { echo "That is more than $((limit >> 20)) MiB."; exit 1; }
