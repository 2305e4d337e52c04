"""The process that decodes one video: ``python -m unposed_jobs.videos.child PATH LIMITS``.

A decoder is a million lines that read what strangers wrote: whatever a file makes of it, an endless
loop, all memory, a crash, ends with this process. It opens local containers of known formats alone
(an HLS list would name other files and hosts), and knows nothing of this project.

To standard output goes a JSON line on the video or the error, then each frame: seconds, height,
width, and its RGB pixels.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from typing import Any, BinaryIO

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""Containers that are opened, as FFmpeg names them."""
FRAME = struct.Struct("<dII")
"""Before each frame's pixels."""
_MEMORY = 4 << 30


def _limit(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = (
        f"protocol_whitelist;file|format_whitelist;{FORMATS}"
    )
    os.environ["OPENCV_FFMPEG_THREADS"] = "1"
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"


def main() -> int:
    """Decode; 0 also where the video could not be."""
    path, limits = sys.argv[1], json.loads(sys.argv[2])
    _limit(limits["decode_seconds"])
    import cv2

    cv2.setNumThreads(1)
    out = sys.stdout.buffer
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        return _told(out, error="unreadable", reason="no video that can be decoded")
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    rate, count = (float(capture.get(one)) for one in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
    if width * height > limits["max_pixels"]:
        return _told(out, error="too_large", reason=f"frames of {width} x {height} pixels")
    seconds = count / rate if rate > 0 and count > 0 else 0.0
    if seconds > limits["max_seconds"]:
        return _told(out, error="too_long", reason=f"{seconds:.0f} seconds")
    if rate <= 0:
        rate = 25.0
    _told(out, width=width, height=height, rate=rate, seconds=max(seconds, 0.0))
    _frames(out, cv2, capture, limits, rate)
    return 0


def _frames(out: BinaryIO, cv2: Any, capture: Any, limits: dict[str, Any], rate: float) -> None:
    wanted, step = 0.0, 1 / limits["frames_per_second"]
    most = int(limits["max_seconds"] * min(rate, limits["max_frame_rate"])) + 1
    last = -1.0
    for number in range(most):
        if not capture.grab():
            break
        now = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        # A container without times, or with wrong ones: by the frame's number.
        now = now if last < now <= limits["max_seconds"] else max(number / rate, last)
        last = now
        if now + 0.5 / rate < wanted:
            continue
        wanted = max(wanted + step, now + step / 2)
        sound, frame = capture.retrieve()
        if not sound or frame is None or frame.ndim != 3:
            continue
        if frame.shape[0] * frame.shape[1] > limits["max_pixels"]:
            break  # A stream may change its size.
        side = limits["side"]
        scale = side / max(frame.shape[:2]) if side else 1.0
        if scale < 1:
            size = (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        out.write(FRAME.pack(now, frame.shape[0], frame.shape[1]))
        out.write(frame.tobytes())
    out.flush()


def _told(out: BinaryIO, **what: Any) -> int:
    out.write(json.dumps(what).encode() + b"\n")
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
