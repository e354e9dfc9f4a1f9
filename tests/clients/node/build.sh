#!/bin/sh
# Fetch what package-lock.json pins; proto-loader reads ../../../proto when the client starts.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --prefer-offline --loglevel=error
