"""The protocols: each takes arrays, judges them against truth and returns a `Result`.

Truth and predictions are labels (str). A prediction outside the labels, such as
`naming.UNKNOWN`, is "no label": wrong for the picture, and no pose for the product. Predictions
may be (N,) or (R, N): R repeats of the same trial, whose figures are averaged. Every interval is
a bootstrap over products.
"""

from unposed_jobs.lab.evaluation.protocols.confidence import confidence
from unposed_jobs.lab.evaluation.protocols.flags import flip_rate, published_flags
from unposed_jobs.lab.evaluation.protocols.hidden import hidden_view
from unposed_jobs.lab.evaluation.protocols.people import false_persons, joint_places, named_right
from unposed_jobs.lab.evaluation.protocols.pictures import picture_labels
from unposed_jobs.lab.evaluation.protocols.ranking import ranking_quality
from unposed_jobs.lab.evaluation.protocols.result import CONSTANT, RANDOM, Result
from unposed_jobs.lab.evaluation.protocols.views import paper_ratio, present_poses, removed_view

__all__ = [
    "CONSTANT",
    "RANDOM",
    "Result",
    "confidence",
    "false_persons",
    "flip_rate",
    "hidden_view",
    "joint_places",
    "named_right",
    "paper_ratio",
    "picture_labels",
    "present_poses",
    "published_flags",
    "ranking_quality",
    "removed_view",
]
