import numpy as np
import pytest
from PIL import Image

from unposed_jobs.attributes import heads, reading, training
from unposed_jobs.errors import UnposedError


def examples(count=60, values=("long", "none", "short"), apart=3.0):
    rng = np.random.default_rng(0)
    labels = np.array(values)[np.arange(count) % len(values)]
    features = rng.normal(0, 1, (count, heads.WIDTH)).astype(np.float32)
    features[:, : len(values)] += apart * (labels[:, None] == np.array(values))
    return features, labels


def test_certainty_is_none_where_all_values_are_alike_and_one_where_one_is_sure():
    shares = np.array([[1 / 3] * 3, [1.0, 0.0, 0.0], [0.8, 0.1, 0.1]])
    found = heads.certainty(shares)
    assert found[0] == pytest.approx(0)
    assert found[1] == pytest.approx(1)
    assert 0 < found[2] < 1


@pytest.mark.parametrize("values", [("long", "short"), ("long", "none", "short")])
def test_a_trained_head_tells_the_values_apart_and_survives_its_file(values):
    features, labels = examples(values=values)
    made = training.train("sleeve", features, labels)
    (again,) = heads.from_bytes(heads.to_bytes([made.head]), "a file")
    assert again.values == values
    assert np.allclose(again(features), made.head(features), atol=0.02)
    told = np.array(again.values)[again(features).argmax(1)]
    assert (told == labels).mean() > 0.95
    assert made.accuracy > made.commonest


def test_what_cannot_be_learned_is_said_in_one_line():
    features, labels = examples(count=20)
    with pytest.raises(UnposedError, match="10 of each value are the least"):
        training.train("sleeve", features, labels)
    with pytest.raises(UnposedError, match="only one value"):
        training.train("sleeve", features, np.repeat("long", 20))


@pytest.mark.parametrize("data", [b"", b"nothing of the kind" * 20, heads.to_bytes([])])
def test_a_file_without_heads_is_refused(data):
    with pytest.raises(UnposedError, match="unposed attributes train"):
        heads.from_bytes(data, "x.safetensors")


def test_a_head_of_a_known_name_takes_its_place(tmp_path):
    features, labels = examples()
    made = training.train("sleeve", features, labels)
    file = tmp_path / "own.safetensors"
    file.write_bytes(heads.to_bytes([made.head]))
    shipped = {head.name for head in reading.all_heads()}
    found = reading.all_heads([str(file)])
    assert {head.name for head in found} == shipped | {"sleeve"}
    assert heads.digest(found) != heads.digest(reading.all_heads())
    again = heads.from_bytes(heads.to_bytes(found[::-1]), "a file")
    assert heads.digest(again) == heads.digest(found)
    with pytest.raises(UnposedError, match="cannot read the attributes"):
        reading.all_heads([str(tmp_path / "none")])


def test_users_train_a_head_on_their_own_folder(tmp_path, pose_weights, capsys):
    from unposed_jobs.cli import main

    rng = np.random.default_rng(0)
    for value, level in (("dark", 40), ("light", 200)):
        (tmp_path / value).mkdir()
        for number in range(12):
            pixels = np.clip(rng.normal(level, 30, (60, 60, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / value / f"P{number}_1.png")
    out = tmp_path / "shade.safetensors"
    arguments = ["attributes", "train", str(tmp_path), "--name", "shade", "--out", str(out)]
    assert main(arguments) == 0
    (head,) = heads.from_bytes(out.read_bytes(), "it")
    assert (head.name, head.values) == ("shade", ("dark", "light"))
    assert "out of fold" in capsys.readouterr().out
