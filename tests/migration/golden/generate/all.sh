#!/bin/sh
# Regenerates every dump: needs node, npm, redis-server and a Python with bullmq 3.4.4 and redis.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
export REDIS_PORT=${REDIS_PORT:-6391}
[ -d node_modules ] || npm install --no-audit --no-fund --ignore-scripts

produce() { # produce <dump name> <command ...>
    name=$1
    shift
    redis-server --port "$REDIS_PORT" --save '' --appendonly no --daemonize no >/dev/null &
    server=$!
    trap 'kill $server 2>/dev/null' EXIT
    sleep 1
    "$@"
    "$python" dump.py "$REDIS_PORT" "../$name.jsonl"
    kill $server
    wait $server || true
    trap - EXIT
}

for major in 3 4; do produce "bull-$major" node bull.mjs $major; done
for major in 1 2 3 4 5 6; do produce "bullmq-$major" node bullmq.mjs $major; done
produce bullmq-python "$python" python_client.py
