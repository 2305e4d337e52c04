"""The GPU that Spark gave a task, the cores it has, and its tries: where a worker process is."""

from __future__ import annotations

import os
import sys

from pyspark import TaskContext

from unposed_jobs.errors import UnposedError

BATCH_ON_GPU = 64
"""Pictures a batch: a GPU is filled by many at once."""


def take_gpu() -> str | None:
    """Show this process no other GPU than the one Spark gave its task; returns its address.

    To be called before CUDA is first used. None outside a task, or where Spark gives out no GPUs:
    then nothing is changed. A worker process is reused by the tasks of one executor, which owns
    one GPU, so the answer never changes.
    """
    context = TaskContext.get()
    given = context.resources().get("gpu") if context is not None else None
    if given is None or not given.addresses:
        return None
    os.environ["CUDA_VISIBLE_DEVICES"] = given.addresses[0]
    return str(given.addresses[0])


def no_cuda() -> str | None:
    """Why PyTorch cannot use a GPU, with the remedy; None where it can."""
    import torch

    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        plain = torch.__version__.partition("+")[0]
        return (
            f"PyTorch {torch.__version__} is built without CUDA; install torch {plain} with CUDA "
            "in its place, as pytorch.org describes for this machine"
        )
    return (
        f"PyTorch {torch.__version__} finds no CUDA device; check with nvidia-smi that the driver "
        f"is as new as CUDA {torch.version.cuda}, and CUDA_VISIBLE_DEVICES"
    )


def require(gpu: str | None) -> None:
    """Raise UnposedError where PyTorch is to compute and cannot use the GPU that Spark gave.

    To be called when the estimator is ready; one that does without PyTorch needs nothing.
    """
    if gpu is not None and "torch" in sys.modules and (reason := no_cuda()):
        raise UnposedError(f"Spark gave this task the GPU {gpu}, but {reason}")


def tried_before() -> bool:
    """Whether the task was begun before, and ended: its worker died, say."""
    context = TaskContext.get()
    return context is not None and context.attemptNumber() > 0


def decoders() -> int:
    """Threads that may decode while the networks run: the task's cores, none where it has one."""
    try:
        cores = int(os.environ.get("OMP_NUM_THREADS", "1"))
    except ValueError:
        cores = 1
    return cores if cores > 1 else 0


def batch_pictures(on_cpu: int) -> int:
    """Pictures a batch for an estimator that is ready: `on_cpu`, or what fills a GPU."""
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_available()
    return BATCH_ON_GPU if on_gpu else on_cpu
