#!/bin/sh
# Speaks as pi does: says after each step what it cost, and never comes to an end.
case $1 in --version) echo 0.73.1; exit;; esac
step='{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"toolUse","usage":{"input":5,"output":5,"cost":{"total":0.3}}}}'
echo '{"type":"session","version":3,"id":"s"}'
echo '{"type":"agent_start"}'
echo "$step"
echo "$step"
exec sleep 1000
