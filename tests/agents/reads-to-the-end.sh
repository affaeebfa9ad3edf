#!/bin/sh
# Ends when its standard input does.
echo '{"type":"thread.started","thread_id":"t"}'
cat >/dev/null
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
