#!/bin/sh
# Install the Debian packages named as arguments that are missing; where that is not
# allowed, say which they are and stop. A package counts as present when its program is.
set -eu

missing=""
for package in "$@"; do
    case "$package" in
        chromium) command -v chromium >/dev/null 2>&1 && continue ;;
        firefox-esr) command -v firefox-esr >/dev/null 2>&1 && continue ;;
        redis-server) command -v redis-server >/dev/null 2>&1 && continue ;;
        coturn) command -v turnserver >/dev/null 2>&1 && continue ;;
        nodejs) command -v node >/dev/null 2>&1 && continue ;;
        npm) command -v npm >/dev/null 2>&1 && continue ;;
        postgresql) ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && continue ;;
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null && continue ;;
        fonts-noto-cjk) [ -d /usr/share/fonts/opentype/noto ] && continue ;;
        fonts-noto-color-emoji) [ -f /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] && continue ;;
    esac
    missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$missing. Install them with your system's package manager, then try again." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    become=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    become="sudo"
else
    echo "Missing:$missing" >&2
    echo "Run as root: apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
echo "Installing$missing"
$become apt-get update -qq
# shellcheck disable=SC2086  # the list is meant to be split
DEBIAN_FRONTEND=noninteractive $become apt-get install -y -qq --no-install-recommends $missing >/dev/null
