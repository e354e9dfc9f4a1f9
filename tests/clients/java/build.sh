#!/bin/sh
# Generate the client's code from ../../../proto with Maven's plugins, and compile it to target/.
set -eu
cd "$(dirname "$0")"
mvn --batch-mode --quiet --no-transfer-progress compile
