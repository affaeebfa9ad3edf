#!/bin/sh
# Takes more memory than it may, or starts more processes, and says how far it came.
case $MODE in
memory)
    # In a process of its own, 128 MB.
    sh -c 'much=$(head -c 128000000 /dev/zero | tr "\0" x); echo ${#much}' || exec sleep 1000
    ;;
processes)
    started=0
    while [ $started -lt 40 ]; do
        sleep 1000 &
        started=$((started + 1))
        echo "$started started"
    done
    kill $(jobs -p)
    ;;
esac
echo '{"type":"turn.completed"}'
