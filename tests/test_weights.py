"""Weights are whole and the ones expected, or refused in one line."""

import hashlib
import os

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import WeightsError
from pipeline.models import weights


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.safetensors"
    save_file({"kernel": torch.arange(12.0).reshape(3, 4), "bias": torch.ones(3)}, str(path))
    return path


def refusal(path, sha256=None) -> str:
    with pytest.raises(WeightsError) as caught:
        weights.check(path, sha256)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_whole_weights_give_their_digest(file):
    assert weights.check(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_missing_weights_say_what_to_do(tmp_path):
    assert "camtriage models pull" in refusal(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 30, -1])
def test_weights_cut_anywhere_are_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    assert "fetch it again" in refusal(file)


def test_one_flipped_byte_is_noticed_although_it_would_load(file):
    weights.write_sidecar(file)
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    assert "sha-256" in refusal(file)


def test_a_change_within_one_tick_of_the_clock_is_noticed(file):
    before, status = weights.check(file), os.stat(file)
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert weights.check(file) != before


def test_an_expected_digest_wins_over_the_sidecar(file):
    weights.write_sidecar(file)
    assert "sha-256" in refusal(file, "0" * 64)


def test_the_sidecar_is_what_sha256sum_reads(file):
    digest = weights.write_sidecar(file)
    assert file.with_name("some.safetensors.sha256").read_text() == f"{digest}  {file.name}\n"


def test_a_sidecar_without_a_digest_is_refused(file):
    file.with_name("some.safetensors.sha256").write_text("later\n")
    assert "no sha-256" in refusal(file)


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".PTH", ".ckpt", ".pkl"])
def test_pickled_code_is_never_loaded(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    torch.save({"kernel": torch.ones(2, 2)}, path)
    assert "can run any code" in refusal(path)


def test_a_pickle_under_a_safe_name_is_no_safetensors(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"kernel": torch.ones(2, 2)}, path)
    assert "no safetensors file" in refusal(path)


def test_a_pointer_of_git_lfs_says_so(file):
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    assert "git lfs pull" in refusal(file)


def test_a_web_page_is_no_weights(file):
    file.write_text("<html>sign in first</html>")
    assert "no safetensors file" in refusal(file)


def test_matrices_are_stored_in_half_and_come_back_in_full(tmp_path):
    path = tmp_path / "half.safetensors"
    state = {"kernel": torch.tensor([[0.1, 0.2]]), "variance": torch.tensor([1e6])}
    weights.save(state, path)
    loaded = weights.load(path)
    assert loaded["variance"].item() == 1e6
    assert loaded["kernel"].dtype == torch.float32
    assert torch.equal(loaded["kernel"], state["kernel"].half().float())
