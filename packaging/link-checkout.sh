#!/bin/sh
# Makes the checkout importable in its virtual environment and gives it the command `csai`.
# No build step: what runs is the checkout itself.
set -eu
venv=$1
root=$(pwd)
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$root" > "$site/csai-checkout.pth"
cat > "$venv/bin/csai" <<SCRIPT
#!/bin/sh
exec "$root/$venv/bin/python" -m appliance "\$@"
SCRIPT
chmod +x "$venv/bin/csai"
