#!/bin/sh
# Bytes that are no UTF-8: as a line, in a message, and at its end.
echo '{"type":"thread.started","thread_id":"t"}'
printf '\377\376 alone\n'
printf '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"caf\351 \303"}}\n'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
printf 'warning: \200\n' >&2
printf 'cut \342\202'
