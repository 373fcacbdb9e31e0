"""Networks become ONNX files that say the same, and sessions that say it again and again."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights
from pipeline.models.torchvision_shim import ensure_torchvision


class Small(nn.Module):
    """A convolution, batch-norm with odd statistics, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 4)
        self.norm.running_var.fill_(90_000.0)
        self.norm.running_mean.normal_()

    def forward(self, picture):
        cells = self.norm(self.conv(picture))
        return self.out(cells.mean(dim=(2, 3))), cells


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture
def exported(network, tmp_path):
    path = tmp_path / "small.onnx"
    runtime.export_onnx(network, (torch.randn(2, 3, 9, 7),), path, ["picture"], ["logits", "cells"])
    return path


def test_torchvision_and_timm_import_whatever_torchvision_was_built_for():
    assert ensure_torchvision() in ("native", "python-only")
    assert ensure_torchvision() == ensure_torchvision()
    import timm

    assert timm.is_model("efficientnet_b0")


def test_an_export_says_what_pytorch_says_at_any_batch_size(network, exported):
    session = runtime.OnnxSession(exported)
    for pictures in (1, 2, 5):
        x = torch.randn(pictures, 3, 9, 7)
        with torch.inference_mode():
            logits, cells = runtime.halved(network)(x)
        found = session.run({"picture": x.numpy()})
        np.testing.assert_allclose(found["logits"], logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["cells"], cells, rtol=1e-4, atol=1e-4)


def test_exported_weights_take_half_the_space(tmp_path):
    path = tmp_path / "wide.onnx"
    runtime.export_onnx(nn.Linear(500, 500), (torch.randn(2, 500),), path, ["x"], ["y"])
    assert path.stat().st_size < 500 * 500 * 2 * 1.05


def test_an_export_that_differs_from_pytorch_is_refused(tmp_path):
    class Moody(nn.Module):
        def forward(self, x):
            return x + torch.rand(()) + float(np.random.rand())

    with pytest.raises(WeightsError, match="away from PyTorch"):
        runtime.export_onnx(Moody(), (torch.ones(2, 3),), tmp_path / "m.onnx", ["x"], ["y"])


def test_weights_beyond_float16_are_refused():
    wild = nn.Linear(4, 4)
    wild.weight.data[0, 0] = 1e6
    with pytest.raises(WeightsError, match="beyond float16"):
        runtime.halved(wild)


def test_halving_leaves_the_network_itself_alone(network):
    before = network.conv.weight.clone()
    runtime.halved(network)
    assert torch.equal(network.conv.weight, before)


def test_pytorch_takes_over_where_there_is_no_onnx(network):
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 7)).astype(np.float32)
    session = runtime.TorchSession(network, ["picture"], ["logits", "cells"])
    with torch.inference_mode():
        expected = network(torch.from_numpy(x))
    found = session.run({"picture": x})
    assert np.array_equal(found["logits"], expected[0]) and found["cells"].shape == (2, 8, 7, 5)


def test_threads_that_share_a_pytorch_session_get_the_same_bits(network):
    session = runtime.TorchSession(network, ["picture"], ["logits", "cells"], device="cpu")
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 7)).astype(np.float32)
    first = session.run({"picture": x})["cells"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(session.run, [{"picture": x}] * 16))
    assert all(np.array_equal(one["cells"], first) for one in found)


def test_networks_run_on_the_processor_unless_another_device_is_named(monkeypatch):
    monkeypatch.delenv("CAMTRIAGE_DEVICE", raising=False)
    assert runtime.device() == "cpu"
    monkeypatch.setenv("CAMTRIAGE_DEVICE", "cuda")
    assert runtime.device() == "cuda"


def test_threads_that_share_a_session_get_the_same_bits(exported):
    session = runtime.OnnxSession(exported, batch=2)
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 7)).astype(np.float32)
    first, found = session.run({"picture": x})["cells"], []
    crowd = [
        threading.Thread(target=lambda: found.append(session.run({"picture": x})["cells"]))
        for _ in range(8)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(found) == 8 and all(np.array_equal(one, first) for one in found)


def test_a_damaged_onnx_file_is_one_line(exported):
    exported.write_bytes(exported.read_bytes()[:200])
    with pytest.raises(WeightsError) as caught:
        runtime.OnnxSession(exported)
    assert "\n" not in str(caught.value)


def test_the_cache_makes_a_file_once_and_again_when_it_was_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make(path):
        made.append(path)
        path.write_text("content")

    place = runtime.cached("some.onnx", make)
    assert runtime.cached("some.onnx", make) == place and len(made) == 1
    place.write_text("damaged")
    assert runtime.cached("some.onnx", make).read_text() == "content" and len(made) == 2
    assert weights.check(place)


def test_without_a_place_to_write_there_is_no_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert runtime.cached("some.onnx", lambda path: path.write_text("x")) is None


def test_looking_needs_no_torch():
    code = "import sys, pipeline.frames.score, onnxruntime; print('torch' in sys.modules)"
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=known)
    assert out.stdout == "False\n", out.stderr


def test_onnx_runtime_reports_to_nobody(tmp_path):
    """Left to itself it notes an identity and its use under the home folder, and sends them."""
    code = "from pipeline.frames.classifier import load_frame_model; load_frame_model()"
    known = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY",)}
    known |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(tmp_path)}
    known |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=known)
    assert out.returncode == 0, out.stderr
    assert not [
        one for one in tmp_path.rglob("*") if "onnxruntime" in one.name or one.suffix == ".db"
    ]
