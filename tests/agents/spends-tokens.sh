#!/bin/sh
# Says after each step what its session has used so far, and never comes to an end.
say() { echo "{\"id\":\"1\",\"msg\":{\"type\":\"token_count\",\"info\":{\"total_token_usage\":{\"input_tokens\":$1,\"output_tokens\":$2}}}}"; }
echo '{"type":"thread.started","thread_id":"t"}'
say 60 10
say 80 20
say 81 20
exec sleep 1000
