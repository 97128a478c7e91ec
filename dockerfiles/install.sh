#!/bin/sh
# Inside a build: installs the hashed pins of a file into /opt/venv, and the wheels of the models.txt beside it, which carry
# networks, into /opt/venv/models. Bytecode is compiled now, because no container can write it later.
set -eu
pins=$1 models=${1%/*}/models.txt venv=/opt/venv
export PATH="/opt/uv/bin:$PATH" UV_CACHE_DIR=/root/.cache/uv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_HTTP_RETRIES=10
export UV_SYSTEM_CERTS=1 # those of the base image, which may have more than Debian's
[ -d "$venv" ] || uv venv --python /usr/bin/python3 "$venv"
uv pip sync --require-hashes --compile-bytecode --python "$venv/bin/python" "$pins"
if [ -f "$models" ]; then
    uv pip install --require-hashes --no-deps --python "$venv/bin/python" --target "$venv/models" -r "$models"
fi
cuda=$venv/lib/python3.11/site-packages/nvidia
if [ -d "$cuda" ]; then # CUDA comes as wheels: the dynamic linker is told where they are
    ls -d "$cuda"/*/lib >/etc/ld.so.conf.d/cuda.conf
    /sbin/ldconfig
fi
rm -f "$venv/.lock" "$venv/models/.lock"
