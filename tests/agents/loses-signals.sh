#!/bin/sh
# The wrapper hears nothing; what it wraps is in another session and would not hear it either.
trap '' INT TERM HUP
setsid sh -c "trap '' INT TERM HUP; while :; do sleep 1000; done" &
while :; do wait; sleep 1000; done
