#!/usr/bin/env bash
# What pip cannot bring: Java for Spark, and the shared libraries of MediaPipe, OpenCV and
# LightGBM; with "chromium" also the browser that the tests of the pages need. Installs them by apt
# where it may; otherwise says in one line what to install.
set -euo pipefail
python=${1:-python3}

missing=()
need() { missing+=("$1"); }
library() { ldconfig -p 2>/dev/null | grep -q "$1" || /sbin/ldconfig -p 2>/dev/null | grep -q "$1"; }

command -v java >/dev/null || [ -x "${JAVA_HOME:-/nowhere}/bin/java" ] || need default-jre-headless
[ "${2:-}" != chromium ] || command -v chromium chromium-browser >/dev/null || need chromium
library libEGL.so.1 || need libegl1
library libGLESv2.so.2 || need libgles2
library libGL.so.1 || need libgl1
library libglib-2.0.so.0 || need libglib2.0-0
library libgomp.so.1 || need libgomp1
"$python" -c 'import ensurepip' 2>/dev/null || need python3-venv

"$python" - <<'PY' || { echo "unposed: needs Python 3.11 or 3.12 (make PYTHON=python3.11 ...)" >&2; exit 1; }
import sys
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PY

[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "unposed: please install first: sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi
