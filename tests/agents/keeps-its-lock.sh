#!/bin/sh
# Every turn leaves its lock, and stalls where one is.
if ! mkdir "$HOME/lock"; then echo "the lock of another turn is there"; sleep 1000; fi
echo '{"type":"thread.started","thread_id":"t"}'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
