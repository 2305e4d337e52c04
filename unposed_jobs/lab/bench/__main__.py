"""Measure the eleven performance ratios, each with both sides in one run.

    python -m unposed_jobs.lab.bench [--only 1,5,7] [--gpu] [--card docs/performance.md]

The parity gate comes first where a ratio of speed is asked for. Every figure goes into a file of
results, from which the page is made; --merge adds runs on other machines.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from unposed_jobs import config
from unposed_jobs.arguments import Parser, positive
from unposed_jobs.distributed import devices
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.bench import card, machine, pages_report, pictures
from unposed_jobs.lab.bench.card import Report
from unposed_jobs.lab.bench.results import GATED, Result, not_measured

DATA = "../shared/data"
ALL = tuple(str(number) for number in range(1, 12))
GPU = ("2", "3")


def parser() -> Parser:
    """The flags; the defaults take some minutes on two cores."""
    made = Parser(prog="python -m unposed_jobs.lab.bench", description=__doc__.splitlines()[0])
    add = made.add_argument
    add("--only", type=_ratios, default=ALL, metavar="N,N", help="these ratios (default: all)")
    add("--gpu", action="store_true", help="the ratios of a GPU only, which must be there")
    add("--device", choices=("cuda", "cpu"), help="of ratios 2 and 3 (default: cuda, if any)")
    add("--card", type=Path, metavar="FILE", help="also write the page")
    add("--json", type=Path, metavar="FILE", help="results (default: $UNPOSED_HOME/bench)")
    add(
        "--merge",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="results of other machines to add",
    )
    add("--no-run", action="store_true", help="measure nothing: the page of --merge's results")
    add("--data", type=Path, default=Path(DATA), metavar="DIR", help="folder of photograph sets")
    add("--parity-pictures", type=positive, default=160, metavar="N", help="rendered pictures")
    add("--parity-products", type=positive, default=90, metavar="N", help="whose flags must agree")
    add("--pictures", type=positive, default=96, metavar="N", help="of ratios 1 and 4")
    add("--rounds", type=positive, default=5, metavar="N", help="of ratios 1 to 4")
    add("--gpu-pictures", type=positive, default=2048, metavar="N", help="of ratios 2 and 3")
    add("--gpu-batch", type=positive, default=64, metavar="N", help="pictures in one batch")
    add("--mediapipe-processes", type=positive, default=16, metavar="N", help="of ratio 3")
    add(
        "--job-pictures",
        type=positive,
        default=1600,
        metavar="N",
        help="of ratios 5, 7 and 9",
    )
    add(
        "--night-pictures",
        type=positive,
        default=400,
        metavar="N",
        help="of ratio 6; on 50000, which take half an hour, a run's fixed cost counts for less",
    )
    add(
        "--listed-pictures",
        type=positive,
        default=20_000,
        metavar="N",
        help="addresses of ratio 6's pictures, where the cost of one is measured",
    )
    add("--job-rounds", type=positive, default=2, metavar="N", help="of ratios 5 to 9")
    add("--job-height", type=positive, default=pictures.SMALL, metavar="N", help="their pixels")
    add(
        "--products",
        type=positive,
        nargs="+",
        default=[10_000, 100_000],
        metavar="N",
        help="of ratio 7; 1000000 takes some ten minutes more",
    )
    add("--few-products", type=positive, default=200, metavar="N", help="whose audit is overhead")
    add(
        "--images",
        type=positive,
        nargs=2,
        default=[10_000, 100_000],
        metavar="N",
        help="of ratio 8; 10000 1000000 takes some minutes more",
    )
    add("--price", type=float, default=0.04, help="assumed $ of a core for an hour (plan)")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; 1 where the gate is not passed."""
    given = parser().parse_args(arguments)
    if len(set(given.products)) < 2:
        raise UnposedError("--products needs two numbers or more: the exponent is a slope")
    settings = config.load()
    wanted = GPU if given.gpu else given.only
    reports = [json.loads(_read(path)) for path in given.merge]
    if not given.no_run:
        reports.insert(0, _measure(wanted, given, settings))
        target = given.json or config.home() / "bench" / "bench.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(reports[0], indent=1) + "\n")
        print(f"results: {target}")
    if not reports:
        raise UnposedError("--no-run needs results to show: name them with --merge")
    if given.card:
        page = given.card.read_text() if given.card.is_file() else ""
        _, pages = pages_report.split(page)
        made = card.render(reports, settings, given.price)
        given.card.write_text(pages_report.joined(made, pages))
        print(f"page: {given.card}")
    return int(not all(report["parity"]["passed"] for report in reports))


def _measure(
    wanted: tuple[str, ...], given: argparse.Namespace, settings: config.Settings
) -> Report:
    device = given.device or ("cuda" if machine.gpu() else "cpu")
    if (device == "cuda" or (given.gpu and not given.device)) and not machine.gpu():
        asked = "--gpu" if given.gpu else "--device cuda"
        reason = devices.no_cuda() or "PyTorch finds none"
        raise UnposedError(f"{asked} needs a CUDA device: {reason}; --device cpu does without")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    start = time.monotonic()
    report: Report = {"machine": machine.describe(), "parity": {"sets": [], "passed": True}}
    report["sizes"] = {name: value for name, value in vars(given).items() if _plain(value)}
    if GATED & set(wanted):
        from unposed_jobs.lab.bench import gate

        _say("parity with MediaPipe ...")
        report["parity"] = gate.run(
            settings.pose, given.data, given.parity_pictures, given.parity_products
        )
        for one in report["parity"]["sets"]:
            _say(f"  {one['name']}: {100 * one['share']:.2f} % of {one['visible']} landmarks")
        _say(f"  {report['parity']['flags']['text']}")
    results: list[Result] = []
    for numbers, measure in _work(given, settings, device):
        if set(numbers) & set(wanted):
            began = time.monotonic()
            _say(f"ratio {' and '.join(numbers)} ...")
            with _gpu_for(numbers):
                found = measure()
            for item in found:
                if item.number.partition(" ")[0] in wanted:
                    results.append(_gated(item, report["parity"]["passed"]))
                    _say(f"  {_line(results[-1])}")
            _say(f"  ({time.monotonic() - began:.0f} s)")
    results.sort(key=lambda item: item.number)
    report["results"] = [item.as_json() for item in results]
    report["seconds"] = round(time.monotonic() - start)
    return report


@contextlib.contextmanager
def _gpu_for(numbers: tuple[str, ...]) -> Iterator[None]:
    """Only what measures GPUs starts processes that see one; the other ratios are of the cores."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not set(numbers) & set(GPU):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _work(
    given: argparse.Namespace, settings: config.Settings, device: str
) -> list[tuple[tuple[str, ...], Callable[[], list[Result]]]]:
    """What measures which ratios, in the order in which it is done."""
    pose = settings.pose
    cores = len(os.sched_getaffinity(0))

    def many(count: int) -> Path:
        return pictures.many(count, given.job_height)

    def loop() -> list[Result]:
        from unposed_jobs.lab.bench import throughput

        found = pictures.load_sound(None, given.pictures)
        contents = pictures.repeated(found, given.pictures)
        return throughput.result(contents, pose, cores, given.rounds)

    def decode() -> list[Result]:
        from unposed_jobs.lab.bench import decoding

        return decoding.result(pictures.load_sound(None, given.pictures), given.rounds)

    def fed() -> list[Result]:
        from unposed_jobs.lab.bench import gpu

        if device == "cpu" and given.device != "cpu":
            return not_measured(gpu.RATIOS, "no CUDA device")
        contents = pictures.load_sound(None, min(given.gpu_pictures, given.parity_pictures))
        contents = pictures.repeated(contents, given.gpu_pictures)
        how = gpu.Feeding(device, cores, given.gpu_batch, given.mediapipe_processes)
        return gpu.measure(contents, pose, how, given.rounds)

    def overhead() -> list[Result]:
        from unposed_jobs.lab.bench import fanout

        return fanout.overhead(
            many(given.job_pictures), given.job_pictures, pose, cores, given.job_rounds
        )

    def second_night() -> list[Result]:
        from unposed_jobs.lab.bench import nights

        sizes = given.night_pictures, given.listed_pictures
        return nights.measure(many(given.night_pictures), sizes, pose, cores, given.job_rounds)

    def growth() -> list[Result]:
        from unposed_jobs.lab.bench import fanout, stages

        found = (
            fanout.cores(many(given.job_pictures), given.job_pictures, pose, given.job_rounds)
            if cores > 1
            else not_measured([fanout.CORES], "one core only")
        )
        few, sizes = given.few_products, sorted(given.products)
        return [*found, *stages.measure(sizes, few, pose, cores, given.job_rounds)]

    def held() -> list[Result]:
        from unposed_jobs.lab.bench import memory

        small, large = sorted(given.images)
        return memory.measure((small, large), pose, min(2, cores), given.job_rounds)

    def far() -> list[Result]:
        from unposed_jobs.lab.bench import web

        return web.measure(
            many(given.job_pictures), given.job_pictures, pose, cores, given.job_rounds
        )

    def with_facts() -> list[Result]:
        from unposed_jobs.lab.bench import facts

        return facts.result(pictures.load_sound(None, given.pictures), pose, given.rounds)

    def moving() -> list[Result]:
        from unposed_jobs.lab.bench import videos

        return videos.result(pose, given.job_rounds)

    return [
        (("1",), loop),
        (GPU, fed),
        (("4",), decode),
        (("5",), overhead),
        (("6",), second_night),
        (("7",), growth),
        (("8",), held),
        (("9",), far),
        (("10",), moving),
        (("11",), with_facts),
    ]


def _gated(result: Result, passed: bool) -> Result:
    if passed or result.number not in GATED or not result.ratios:
        return result
    return dataclasses.replace(result, invalid="the parity gate is not passed")


def _line(result: Result) -> str:
    sides = f"{result.ours} against {result.reference}; " if result.ours else ""
    measured = f"{sides}{result.spread_text}, target {result.target}: {card.verdict(result)}"
    return f"{result.number} {result.title}: {measured}"


def _ratios(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    for part in found:
        if part not in ALL:
            raise argparse.ArgumentTypeError(f"{part!r} is no ratio; use 1 to 11, with commas")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise UnposedError(f"cannot read {path}: {error.strerror}") from None


def _plain(value: object) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, list) and all(isinstance(item, int) for item in value)
    )


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
