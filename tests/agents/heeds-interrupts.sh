#!/bin/sh
# Starts a command, and ends it and the turn when it is interrupted.
trap 'kill "$child" 2>/dev/null; echo "{\"type\":\"turn.failed\",\"error\":{\"message\":\"interrupted\"}}"; exit 1' INT
echo '{"type":"thread.started","thread_id":"t"}'
echo '{"type":"item.started","item":{"id":"c1","type":"command_execution","command":"sleep"}}'
: >command-runs
sleep 1000 &
child=$!
wait "$child"
