#!/bin/sh
# Prints what LINES holds, as it is, and ends with CODE.
printf '%s' "$LINES"
exit "${CODE:-0}"
