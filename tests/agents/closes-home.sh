#!/bin/sh
# A home that can't be written.
mkdir -p "$HOME/kept"
chmod 500 "$HOME" "$HOME/kept"
if (echo x >"$HOME/x") 2>/dev/null; then echo written; else echo refused; fi
