#!/bin/sh
# One line, and then nothing for ever. With a first argument `connected`, while it holds a connection to its server.
echo '{"type":"thread.started","thread_id":"t"}'
while [ "$#" -gt 1 ] && [ "$1" != --base-url ]; do shift; done
if [ -n "$HOLD_CONNECTION" ]; then
  address=${2#http://}
  address=${address%%/*}
  exec bash -c "exec 3<>/dev/tcp/${address%%:*}/${address##*:}; sleep 1000"
fi
exec sleep 1000
