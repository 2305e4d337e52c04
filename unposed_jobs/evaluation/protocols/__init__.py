"""The protocols: each takes arrays, judges them against truth and returns a `Result`.

Truth and predictions are labels (str). A prediction outside the labels, such as
`naming.UNKNOWN`, is "no label": wrong for the picture, and no pose for the product. Predictions
may be (N,) or (R, N): R repeats of the same trial, whose figures are averaged. Every interval is
a bootstrap over products.
"""

from unposed_jobs.evaluation.protocols.confidence import confidence
from unposed_jobs.evaluation.protocols.flags import flip_rate, published_flags
from unposed_jobs.evaluation.protocols.hidden import hidden_view
from unposed_jobs.evaluation.protocols.people import false_persons, joint_places
from unposed_jobs.evaluation.protocols.pictures import picture_labels
from unposed_jobs.evaluation.protocols.ranking import ranking_quality
from unposed_jobs.evaluation.protocols.result import CONSTANT, RANDOM, Result
from unposed_jobs.evaluation.protocols.views import paper_ratio, present_poses, removed_view

__all__ = [
    "CONSTANT",
    "RANDOM",
    "Result",
    "confidence",
    "false_persons",
    "flip_rate",
    "hidden_view",
    "joint_places",
    "paper_ratio",
    "picture_labels",
    "present_poses",
    "published_flags",
    "ranking_quality",
    "removed_view",
]
