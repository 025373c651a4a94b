#!/bin/sh
# Installs the Debian packages that the checkout needs: `run` for the appliance and its control panel,
# `test` for the tests too. Says what it does; does nothing when all are there.
set -eu
purpose=${1:-run}

panel="libegl1 libgl1 libx11-6 libx11-xcb1 libxkbcommon0 libxkbcommon-x11-0 libfontconfig1 libfreetype6
libdbus-1-3 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render0
libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1 fonts-dejavu-core"
tests="chromium-headless-shell fonts-noto-core binutils libatomic1 postgresql mariadb-server redis-server dbus gnome-keyring strace faketime"

wanted="$panel"
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || wanted="python3-venv $wanted"
if [ "$purpose" = test ]; then
    wanted="$wanted $tests"
    # Debian's own interpreter comes without its shared library, which the packaged program takes along.
    if [ "$(command -v python3)" = /usr/bin/python3 ]; then
        wanted="$wanted lib$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
    fi
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
    exit 0 # not a Debian: the README names what is needed
fi
missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
else
    as_root="none"
fi
if [ "$as_root" != none ]; then
    echo "Installing system packages:$missing"
    if $as_root apt-get update -qq && \
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi
echo "These system packages are missing:$missing" >&2
echo "Install them with: apt-get install$missing" >&2
case "$purpose:$missing" in
    run:*python3-venv*) exit 1 ;;
    run:*) echo "The server runs without them; the control panel may not open." >&2 ;;
    *) exit 1 ;;
esac
