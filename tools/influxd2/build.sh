#!/usr/bin/env bash
# Builds InfluxDB 2.7 into .overcloud/bin/influxd2, for the tests that run against both versions. It takes some ten
# minutes and needs Rust (any toolchain), a C compiler and crates.io: Flux's analysis is in Rust. Nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath ../..)/.overcloud/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOBIN=$work/pkg go install github.com/influxdata/pkg-config@v0.2.7
# Flux makes every warning an error, and a newer compiler warns of more. A folder of its own: pkg-config drops its own
# from the path.
mkdir "$work/rust"
cat >"$work/rust/cargo" <<EOF
#!/bin/sh
find "\$PWD" -path '*/src/lib.rs' -exec chmod u+w {} + -exec sed -i '1s/deny(warnings, missing_docs)/allow(warnings)/' {} +
exec "$(command -v cargo)" "\$@"
EOF
chmod +x "$work/rust/cargo"
# Flux asks for a toolchain of its own; any will do.
if command -v rustup >/dev/null; then
  RUSTUP_TOOLCHAIN=$(rustup toolchain list | sed -n '1s/ .*//p')
  export RUSTUP_TOOLCHAIN
fi
PATH=$work/rust:$work/pkg:$PATH PKG_CONFIG=$work/pkg/pkg-config \
  go build -tags 'sqlite_foreign_keys sqlite_json' -o "$out/influxd2" github.com/influxdata/influxdb/v2/cmd/influxd
"$out/influxd2" version
