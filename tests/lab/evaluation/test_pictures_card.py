"""The card of the pictures' facts: a section a command, which leaves the others alone."""

import json

from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.pictures import card, figures
from unposed_jobs.lab.evaluation.pictures.figures import Figure

FOUND = (
    Figure("image class", 41, Interval(0.9512, 0.91, 0.98), ">= 0.97", False, 0.8),
    Figure("crops that keep a face", 12, Interval(0.0, 0.0, 0.01), "<= 0.05", True),
)
RUN = {"segm": {"AP": 0.2, "AP50": 0.4, "AP75": 0.1}, "bbox": {"AP": 0.3, "AP50": 0.5, "AP75": 0.2}}
NETWORKS = {
    "learned": 1200, "judged": 300, "side": 128, "epochs": 16, "device": "the CPU",
    "minutes": 31.2, "processor_minutes": 28.9, "differences": ["split_attention less plain: 0"],
    "networks": {"plain": [RUN, RUN]},
}  # fmt: skip


def test_each_command_writes_its_section_and_leaves_the_others(tmp_path):
    page, facts, networks = (tmp_path / name for name in ("card.md", "facts.json", "seg.json"))
    figures.write(facts, ["seed 7"], FOUND)
    networks.write_text(json.dumps(NETWORKS))
    assert card.main(["segmentation", str(networks), "--card", str(page)]) == 0
    assert card.main(["facts", str(facts), "--card", str(page)]) == 0
    text = page.read_text()
    assert text.startswith(card.MARKER)
    assert text.index("## Facts of pictures") < text.index("## Segmentation networks")
    assert "| image class | 41 | 0.951 (0.910–0.980) | ≥ 0.97 | **no** | 0.800 |" in text
    assert "| crops that keep a face | 12 | 0.000 (0.000–0.010) | ≤ 0.05 | yes |  |" in text
    assert "`make evaluate-pictures`: seed 7; 20" in text
    assert "| plain | masks | 0.200 ± 0.000 | 0.400 ± 0.000 | 0.100 ± 0.000 |" in text
    assert "- split_attention less plain: 0" in text
    figures.write(facts, ["seed 8"], FOUND[:1])
    assert card.main(["facts", str(facts), "--card", str(page)]) == 0
    again = page.read_text()
    assert "seed 7" not in again
    assert "crops that keep" not in again
    assert again.count("## ") == 2
    assert again[again.index("## Segm") :] == text[text.index("## Segm") :]
