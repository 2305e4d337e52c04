"""A picture's landmarks: ``python examples/landmarks.py PICTURE``.

Run ``unposed models fetch`` first.
"""

import sys
from pathlib import Path

from unposed_jobs import config
from unposed_jobs.pose import estimators, extraction

settings = config.load().pose
estimator = estimators.create(settings)
row = extraction.extract(Path(sys.argv[1]).read_bytes(), estimator, settings)
print(f"{row.status}: {row.person_count} people, {row.width} x {row.height} pixels")
for number, point in enumerate(zip(*[iter(row.landmarks or ())] * 5, strict=True)):
    x, y, _, visibility, _ = point
    print(
        f"point {number}: x {x * row.width:.0f}, y {y * row.height:.0f}, visible {visibility:.2f}"
    )
estimator.close()
