#!/bin/sh
# Daemons, double-forked children, children that are deaf to signals, and open sockets.
mark=${SOAK_MARK:-86399}
setsid sleep "$mark" </dev/null >/dev/null 2>&1 &
(setsid sh -c "(sleep $mark </dev/null >/dev/null 2>&1 &) ; exit 0" &)
setsid sh -c "trap '' TERM INT HUP; while :; do sleep $mark; done" </dev/null >/dev/null 2>&1 &
env -i setsid nohup sleep "$mark" </dev/null >/dev/null 2>&1 &
if command -v python3 >/dev/null; then
  setsid python3 -c "
import socket, time
listening = socket.socket(); listening.bind(('127.0.0.1', 0)); listening.listen()
time.sleep($mark)" </dev/null >/dev/null 2>&1 &
fi
sleep 0.05
echo '{"type":"thread.started","thread_id":"t"}'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
