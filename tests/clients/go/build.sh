#!/bin/sh
# Generate the client's code from ../../../proto with the plugins that go.mod pins, and compile it to build/client.
# With PYTHON set, the compiler is that interpreter's grpcio-tools; otherwise `protoc`.
set -eu
cd "$(dirname "$0")"

protoc() {
  if [ -n "${PYTHON:-}" ]; then "$PYTHON" -m grpc_tools.protoc "$@"; else command protoc "$@"; fi
}

proto=../../../proto
go_plugin=$(go tool -n protoc-gen-go)
grpc_plugin=$(go tool -n protoc-gen-go-grpc)
protoc -I "$proto" \
  --plugin=protoc-gen-go="$go_plugin" --go_out=. --go_opt=module=midway \
  --plugin=protoc-gen-go-grpc="$grpc_plugin" --go-grpc_out=. --go-grpc_opt=module=midway \
  "$proto"/midjourney/v1/*.proto
go build -o build/client .
