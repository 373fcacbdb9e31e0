"""What models there are, and fetching them whole from a hub that may be slow, gone or changed."""

import errno
import json
import shutil

import numpy as np
import pytest
from huggingface_hub import HfApi
from safetensors.numpy import save as as_safetensors

from pipeline.errors import WeightsError
from pipeline.models import catalogue, weights
from pipeline.models.pull import pull
from tests.hub import Hub, serving

REPOSITORY = "imageomics/bioclip-2"
TENSORS = as_safetensors({"kernel": np.arange(400_000, dtype=np.float32)})
FILES = {
    "open_clip_config.json": b'{"model_cfg": {}}',
    "README.md": b"# a card",
    "open_clip_model.safetensors": TENSORS,
    "open_clip_pytorch_model.bin": b"\x80\x02 never fetched",
}


@pytest.fixture
def hub():
    return Hub({REPOSITORY: dict(FILES)})


def quietly(_: str) -> None:
    pass


def fetch(hub: Hub, folder, name="bioclip-2", say=quietly):
    with serving(hub) as address:
        return pull(name, folder, say, address)


def refusal(hub: Hub, folder, name="bioclip-2") -> str:
    with pytest.raises(WeightsError) as caught:
        fetch(hub, folder, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_offer_says_what_it_is_for_how_big_and_under_which_licence():
    for one in catalogue.OFFERS:
        assert one.task in ("frame model", "detector", "labeller", "context", "backbone")
        assert one.licence and one.note
        assert one.megabytes > 0 or one.bundled
    assert len({one.name for one in catalogue.OFFERS}) == len(catalogue.OFFERS)


def test_the_field_profile_names_animals_and_context():
    assert {one.task for one in catalogue.offers("field")} == {"labeller", "context"}


def test_an_unknown_model_is_told_what_is_known():
    with pytest.raises(WeightsError, match=r"known: .*field.*starter"):
        catalogue.offers("yolo")


def test_a_pull_brings_the_weights_and_what_they_need_and_nothing_pickled(hub, tmp_path):
    [place] = fetch(hub, tmp_path)
    assert (place / "open_clip_model.safetensors").read_bytes() == TENSORS
    assert (place / "open_clip_config.json").exists()
    assert not list(place.glob("*.bin")) and not any(".bin" in path for path in hub.asked)
    assert catalogue.is_here(catalogue.offers("bioclip-2")[0], tmp_path)


def test_what_was_pulled_is_found_by_its_name_and_by_its_hub_id(hub, tmp_path):
    assert catalogue.as_fetched("bioclip-2", tmp_path) == "bioclip-2"
    [place] = fetch(hub, tmp_path)
    for name in ("bioclip-2", "hf-hub:imageomics/bioclip-2"):
        assert catalogue.as_fetched(name, tmp_path) == f"local-dir:{place}"
    assert catalogue.as_fetched("starter", tmp_path) == "starter"


def test_the_first_pull_notes_commit_and_digests(hub, tmp_path):
    [place] = fetch(hub, tmp_path)
    note = json.loads((place / "pulled.json").read_text())
    file = "open_clip_model.safetensors"
    assert note["commit"] == hub.commit
    assert note["files"][file] == weights.digest(place / file)


def test_a_second_pull_asks_the_network_nothing(hub, tmp_path):
    fetch(hub, tmp_path)
    hub.asked.clear()
    heard = []
    fetch(hub, tmp_path, say=heard.append)
    assert hub.asked == [] and "already here" in heard[0]


def test_a_file_changed_after_the_pull_is_refused(hub, tmp_path):
    [place] = fetch(hub, tmp_path)
    file = place / "open_clip_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert "sha-256" in refusal(hub, tmp_path)


def test_a_hub_that_serves_another_file_later_is_refused(hub, tmp_path):
    [place] = fetch(hub, tmp_path)
    (place / "open_clip_model.safetensors").unlink()
    hub.repositories[REPOSITORY]["open_clip_model.safetensors"] = TENSORS[:-4] + b"evil"
    assert "sha-256" in refusal(hub, tmp_path)


def test_a_broken_connection_is_taken_up_where_it_broke(hub, tmp_path):
    large = as_safetensors({"kernel": np.zeros(4_000_000, np.float32)})
    hub.repositories[REPOSITORY]["open_clip_model.safetensors"] = large
    hub.cut_at = 12_000_000  # the client keeps what it has in steps of 10 MiB
    assert "run the same command again" in refusal(hub, tmp_path)
    fetch(hub, tmp_path)
    assert hub.ranges == [f"bytes={10 * 2**20}-"]
    assert catalogue.is_here(catalogue.offers("bioclip-2")[0], tmp_path)


def test_a_full_disk_is_told_before_anything_is_fetched(hub, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    said = refusal(hub, tmp_path)
    assert "needs 2 MB" in said and "1 MB are free" in said and "--folder" in said
    assert not any("resolve" in path for path in hub.asked)
    monkeypatch.undo()
    fetch(hub, tmp_path)  # with room it comes


def test_a_disk_that_fills_meanwhile_is_not_called_a_lost_network(hub, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(HfApi, "hf_hub_download", lambda *_, **__: (_ for _ in ()).throw(full))
    said = refusal(hub, tmp_path)
    assert "the disk is full" in said and "network" not in said


def test_a_folder_as_the_hub_has_them_comes_with_its_tokenizer(hub, tmp_path):
    beside = ("config.json", "tokenizer.json", "vocab.json", "merges.txt")
    hub.repositories[REPOSITORY] |= dict.fromkeys(beside, b"{}")
    hub.repositories[REPOSITORY]["model.safetensors"] = TENSORS[:-4] + b"copy"
    [place] = fetch(hub, tmp_path)
    assert {*beside, "open_clip_model.safetensors"} < {path.name for path in place.iterdir()}
    assert not (place / "model.safetensors").exists()  # open_clip's own comes first, once


def test_weights_that_exist_only_pickled_are_not_fetched(hub, tmp_path):
    del hub.repositories[REPOSITORY]["open_clip_model.safetensors"]
    assert "only pickled weights" in refusal(hub, tmp_path)


def test_no_network_is_one_line(tmp_path):
    with pytest.raises(WeightsError) as caught:
        pull("bioclip-2", tmp_path, quietly, "http://127.0.0.1:9")
    assert "\n" not in str(caught.value) and "cannot be fetched" in str(caught.value)


def test_what_the_hub_does_not_have_is_one_line(hub, tmp_path):
    assert "cannot be fetched" in refusal(hub, tmp_path, "clip-b32")


def test_starter_models_come_with_the_program(tmp_path):
    heard = []
    pull("starter", tmp_path, heard.append, "http://127.0.0.1:9")
    assert all("comes with the program" in line for line in heard)
