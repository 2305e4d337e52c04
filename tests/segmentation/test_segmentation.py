"""A small YOLACT: what its parts promise, and a training that goes on as if it had not ended."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from unposed_jobs.cli import main
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.coco import _annotation
from unposed_jobs.segmentation import blocks, coco, measuring, network, training
from unposed_jobs.segmentation.losses import Truth, loss, match, within

SHAPE = network.Shape(2, side=64, width=8, depth=1, prototypes=4)
POSE = PoseSettings()


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    """Squares and discs on grey, with their masks as run lengths."""
    folder = tmp_path_factory.mktemp("coco")
    rng = np.random.default_rng(3)
    images, told = [], []
    for number in range(1, 7):
        picture = np.full((80, 60, 3), 128, np.uint8)
        y, x = np.mgrid[:80, :60]
        cx, cy, half = rng.integers(18, 42), rng.integers(22, 58), rng.integers(9, 16)
        square = (abs(x - cx) <= half) & (abs(y - cy) <= half)
        mask = square if number % 2 else (x - cx) ** 2 + (y - cy) ** 2 <= half**2
        picture[mask] = (220, 30, 30) if number % 2 else (30, 30, 220)
        Image.fromarray(picture).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 60, "height": 80})
        told.append(_annotation(mask, number, 1 + (number + 1) % 2, number))
    told.append(dict(told[0], id=99, iscrowd=1))
    raw = {"images": images, "annotations": told,
           "categories": [{"id": 1, "name": "square"}, {"id": 2, "name": "disc"}]}  # fmt: skip
    path = folder / "annotations.json"
    path.write_text(json.dumps(raw))
    return path


@pytest.mark.parametrize("kind", blocks.KINDS)
def test_each_kind_tells_of_every_anchor_and_learns(kind):
    torch.manual_seed(0)
    net = network.Yolact(network.Shape(2, kind, side=64, width=8, depth=1, prototypes=4))
    told = net(torch.rand(2, 3, 64, 64))
    anchors = 3 * (16**2 + 8**2 + 4**2)
    assert net.anchors.shape == (anchors, 4)
    assert told.logits.shape == (2, anchors, 3)
    assert told.coefficients.shape == (2, anchors, 4)
    assert told.prototypes.shape == (2, 4, 32, 32)
    box = torch.tensor([[0.2, 0.2, 0.7, 0.8]])
    truth = Truth(box, torch.tensor([1]), within(box, 32))
    found = loss(told, [truth, Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long),
                                     torch.zeros(0, 32, 32))], net.anchors)  # fmt: skip
    found.backward()
    assert torch.isfinite(found)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_standardised_filters_have_no_mean_and_unit_spread():
    conv = blocks.StandardisedConv(3, 4, 3, bias=False)
    shifted = blocks.StandardisedConv(3, 4, 3, bias=False)
    shifted.weight.data = conv.weight.data * 5 + 2
    values = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(conv(values), shifted(values), rtol=1e-3, atol=1e-3)


def test_split_attention_weighs_its_splits_to_one():
    attention = blocks.SplitAttention(8, cardinality=2, radix=2)
    for parameter in (attention.excite.weight, attention.excite.bias):
        parameter.data.zero_()
    values = torch.rand(1, 8, 5, 5)
    splits = torch.relu(attention.norm(attention.splits(values))).reshape(1, 2, 8, 5, 5)
    torch.testing.assert_close(attention(values), splits.mean(1))
    with pytest.raises(ValueError, match="do not part"):
        blocks.SplitAttention(6, 2, 2)


def test_offsets_and_boxes_are_each_others_inverse_and_every_instance_has_an_anchor():
    places = network.anchors(64)
    boxes = torch.tensor([[0.1, 0.1, 0.4, 0.5], [0.81, 0.9, 0.84, 0.93]])
    wanted = boxes[torch.arange(len(places)) % 2]
    back = network.boxes_of(network.offsets_of(wanted, places), places)
    torch.testing.assert_close(back, wanted, atol=1e-4, rtol=0)
    truth = Truth(boxes, torch.tensor([0, 1]), torch.zeros(2, 32, 32))
    label, chosen = match(truth, places, nothing=2)
    assert {int(one) for one in label.unique()} >= {0, 1, 2}
    assert (label[(chosen == 1) & (label >= 0) & (label < 2)] == 1).all()


def test_annotations_are_read_as_they_were_written(annotations):
    examples = coco.load(annotations)
    assert examples.names == ("square", "disc")
    assert len(examples.instances[1]) == 1  # Not the crowd.
    picture, truth = examples.example(0, 64, POSE)
    assert picture.shape == (3, 64, 64)
    assert truth.labels.tolist() == [0]
    inside = within(truth.boxes, 32)[0]
    assert float((truth.masks[0] - inside).abs().mean()) < 0.05
    learned, judged = examples.split(3)
    assert (len(learned), len(judged)) == (4, 2)
    with pytest.raises(UnposedError, match="no annotations"):
        coco.load(annotations.parent / "1.png")


def test_truth_as_a_result_has_full_precision_and_nothing_has_none(annotations, monkeypatch):
    examples = coco.load(annotations)

    def told(net, pictures):
        found = []
        for row, picture in enumerate(pictures):
            (one,) = examples.instances[examples.pictures[row]["id"]]
            mask = coco.mask_of(one["segmentation"], *picture.shape[:2])
            left, top, wide, high = one["bbox"]
            box = np.array([left, top, left + wide, top + high], float)
            found.append([measuring.Instance(one["category_id"] - 1, 0.9, box, mask)])
        return found

    monkeypatch.setattr(measuring, "find", told)
    for kind in measuring.judge(None, examples, POSE).values():
        assert kind["AP"] == pytest.approx(1.0)
        assert kind["AP large"] == -1
    monkeypatch.setattr(measuring, "find", lambda net, pictures: [[] for _ in pictures])
    assert measuring.judge(None, examples, POSE)["segm"]["AP"] == 0.0


def test_a_training_that_ended_goes_on_as_if_it_had_not(annotations, tmp_path):
    examples, plan = coco.load(annotations), training.Plan(epochs=3, batch=4)

    def ends(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    whole = training.train(examples, SHAPE, plan, tmp_path / "whole", pose=POSE)
    with pytest.raises(KeyboardInterrupt):
        training.train(examples, SHAPE, plan, tmp_path / "parts", pose=POSE, tell=ends)
    again: list[int] = []
    gone_on = training.train(
        examples,
        SHAPE,
        plan,
        tmp_path / "parts",
        pose=POSE,
        tell=lambda one: again.append(one.epoch),
    )
    assert again == [3]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, gone_on.state_dict()[name], atol=1e-5, rtol=1e-4)
    loaded, names = training.load(tmp_path / "parts")
    assert names == ("square", "disc")
    picture = examples.read(0, POSE)
    for one in measuring.find(loaded, [picture])[0]:
        assert one.mask.shape == picture.shape[:2]
    with pytest.raises(UnposedError, match="in another way"):
        training.train(examples, SHAPE, training.Plan(epochs=9), tmp_path / "parts", pose=POSE)
    (tmp_path / "parts" / training.WEIGHTS).write_bytes(b"other")
    with pytest.raises(UnposedError, match="was changed"):
        training.load(tmp_path / "parts")


def test_a_comparison_tells_each_kind_and_what_attention_has_more(annotations, tmp_path, capsys):
    out, figures = tmp_path / "networks", tmp_path / "figures.json"
    command = ["segment", "compare", str(annotations), "--out", str(out), "--json", str(figures),
               "--side", "64", "--epochs", "1", "--seeds", "2", "--held-out", "3"]  # fmt: skip
    assert main(command) == 0
    content = json.loads(figures.read_text())
    found = content["networks"]
    assert (content["learned"], content["judged"], content["device"]) == (4, 2, "the CPU")
    assert list(found) == list(blocks.KINDS)
    told = capsys.readouterr().out.splitlines()
    shown = [line for line in told if "less plain, AP of masks" in line]
    apart = [
        one["segm"]["AP"] - other["segm"]["AP"]
        for one, other in zip(found["split_attention"], found["plain"], strict=True)
    ]
    assert shown == [
        f"split_attention less plain, AP of masks: {np.mean(apart):+.3f} ± "
        f"{np.std(apart, ddof=1):.3f} (by seed {apart[0]:+.3f}, {apart[1]:+.3f})"
    ]
    assert {path.name for path in out.iterdir()} == {
        f"{kind}-{seed}" for kind in blocks.KINDS for seed in range(2)
    }
