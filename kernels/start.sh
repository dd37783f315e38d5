#!/bin/sh
# start.sh DEVICE CONNECTION_FILE: starts GoNB with this checkout's tools,
# modules and backend. Jupyter and `jacard run` call it through kernel.json;
# it finds the checkout from its own place, also through a symbolic link.
#
# Variables that are already set win: GOMLX_BACKEND, PJRT_PLUGIN_LIBRARY_PATH,
# XLA_FLAGS. JACARD_GOPROXY (default off: no network) lets cells fetch modules,
# JACARD_RAW_ERROR=true shows compile errors as plain text.
set -eu
CDPATH=
root=$(cd -P "$(dirname "$0")/.." && pwd -P)
device=$1 connection=$2
home=$root/.jacard
PATH="$root/kernels/bin:$home/bin:$PATH"
export PATH

fail() {
	echo "jacard: $1" >&2
	exit 1
}
command -v go >/dev/null || fail "go is not in PATH: install Go from https://go.dev/dl, or start Jupyter from a shell that has it"
[ -x "$home/bin/gonb" ] || fail "$home/bin/gonb is missing: run \`go run ./cmd/jacard setup\` in $root"

# The module's own toolchain also for GoNB's temporary module, which names none.
set -- $(cd "$root" && GOEXPERIMENT= go env GOTOOLCHAIN GOVERSION CGO_ENABLED)
[ $# = 3 ] || fail "go env does not answer in $root"
if [ "$1" = auto ]; then
	GOTOOLCHAIN=$2
	export GOTOOLCHAIN
fi
cgo=$3

# These make a warm cell three times faster: no look-ups, no symbol tables, no
# external linker. setup compiles with them once (internal/setup/golang.go).
export GOEXPERIMENT=simd GOPROXY="${JACARD_GOPROXY-off}" GOWORK=
export GOFLAGS="-buildvcs=false '-ldflags=-s -linkmode=internal'"
export GOPLSCACHE="$home/cache/gopls"

if [ -z "${PJRT_PLUGIN_LIBRARY_PATH-}" ]; then
	PJRT_PLUGIN_LIBRARY_PATH="$home/pjrt:${HOME-}/.local/lib/go-xla:/usr/local/lib/go-xla"
fi
export PJRT_PLUGIN_LIBRARY_PATH GOMLX_NO_AUTO_INSTALL=1 JACARD_ROOT="$root"

# has_plugin KIND: is there a PJRT plugin of this kind in any of the folders?
has_plugin() (
	IFS=:
	for folder in $PJRT_PLUGIN_LIBRARY_PATH; do
		for file in "$folder/pjrt_c_api_$1"*; do
			[ -e "$file" ] && exit 0
		done
	done
	exit 1
)

if [ -z "${GOMLX_BACKEND+set}" ]; then
	case $device in
	go) GOMLX_BACKEND=go ;;
	cuda) GOMLX_BACKEND=xla:cuda ;;
	cpu)
		GOMLX_BACKEND=xla:cpu
		if [ "$cgo" != 1 ]; then
			GOMLX_BACKEND=go
			echo "jacard: no C compiler, so no XLA: computing with the pure-Go backend" >&2
		elif ! has_plugin cpu; then
			GOMLX_BACKEND=go
			echo "jacard: no PJRT plugin: computing with the pure-Go backend" >&2
		fi
		;;
	*) fail "device \"$device\" is not known: kernel.json must say cpu, cuda or go" ;;
	esac
	export GOMLX_BACKEND
fi
if [ "$device" = cuda ]; then
	for folder in "$home"/nvidia/*/lib; do
		[ -d "$folder" ] && LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
	done
	export LD_LIBRARY_PATH="${LD_LIBRARY_PATH-}"
	export XLA_FLAGS="${XLA_FLAGS-"--xla_gpu_cuda_data_dir='$home/nvidia'"}"
fi

exec "$home/bin/gonb" --kernel "$connection" -go_work="$root" -raw_error="${JACARD_RAW_ERROR-false}"
