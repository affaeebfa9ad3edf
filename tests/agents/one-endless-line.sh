#!/bin/sh
# 100 MB without an end of line.
exec head -c 104857600 /dev/zero
