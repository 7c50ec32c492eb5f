#!/bin/sh
# openai.sh SCRIPT ARGUMENT...   Run it by the Python that has OpenAI's client; skipped without.
[ -x "$CLIENT_VENV/bin/python" ] || exit 77
exec "$CLIENT_VENV/bin/python" "$@"
