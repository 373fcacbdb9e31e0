"""Networks made runnable: ONNX Runtime where possible, PyTorch elsewhere.

Both kinds of session take and give named arrays, so no other module needs to know which it is.
ONNX Runtime needs a fifth of the memory, a third of the time, and starts without torch.
"""

import copy
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import platformdirs
from numpy.typing import NDArray

from pipeline.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

# ONNX Runtime reports its use to its maker unless this is set before its first import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

BATCH = "batch"  # name of the first axis in every exported file
CLOSE_ENOUGH = 1e-3  # largest difference to PyTorch, relative to the largest value
_OPSET = 17
_SMALLEST_HALVED = 64  # elements: below it a Cast costs more than it saves

Array: TypeAlias = NDArray[Any]  # of the type that the network takes or gives


class Session(Protocol):
    """A network that is ready to run."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out."""


class OnnxSession:
    """An ONNX file on the CPU. The same input gives the same output, whatever else runs.

    path      the file, or its bytes
    threads   inside one operator; 1 unless the machine has nothing else to do
    batch     the one batch size that will be used, if known: shapes become constants (a fifth less)
    """

    def __init__(self, path: Path | bytes, threads: int = 1, batch: int | None = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if batch:
            options.add_free_dimension_override_by_name(BATCH, batch)
        model = path if isinstance(path, bytes) else str(path)
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as why:  # onnxruntime's own classes share no base but this
            name = "ONNX model" if isinstance(path, bytes) else path
            first = str(why).splitlines()[0]
            raise WeightsError(f"{name}: ONNX Runtime cannot load it: {first}") from why
        self.outputs = tuple(node.name for node in self._session.get_outputs())
        self.input_shapes = {node.name: tuple(node.shape) for node in self._session.get_inputs()}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out."""
        return dict(zip(self.outputs, self._session.run(None, dict(inputs)), strict=True))


class TorchSession:
    """The same, by PyTorch: where there is no ONNX file or no ONNX Runtime, or a GPU is named.

    device   "cpu", or "cuda": bfloat16, channels last, and a stream for each thread that feeds it,
             so that one picture travels while another is computed (not tried on a GPU so far)
    """

    def __init__(
        self,
        module: "nn.Module",
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        self._inputs, self.outputs = tuple(inputs), tuple(outputs)
        self._device, self._own = torch.device(device), threading.local()
        self._module = module.eval().to(self._device)
        if self._device.type != "cpu":
            last = torch.channels_last  # known to `to`, but not to its declared overloads
            self._module = self._module.to(memory_format=last)  # type: ignore[call-overload]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Named arrays in, named arrays out."""
        import torch

        with torch.inference_mode(), self._beside_others():
            given = _all(self._module(*(self._moved(inputs[name]) for name in self._inputs)))
            named = zip(self.outputs, given, strict=True)
            return {name: tensor.float().cpu().numpy() for name, tensor in named}

    def _moved(self, array: Array) -> "Tensor":
        import torch

        tensor = torch.from_numpy(np.require(array, requirements="W"))
        if self._device.type == "cpu":
            return tensor
        return tensor.pin_memory().to(self._device, non_blocking=True)

    @contextmanager
    def _beside_others(self) -> Generator[None]:
        """On a GPU this thread's own stream, in bfloat16; on the processor nothing."""
        import torch

        if self._device.type == "cpu":
            yield
            return
        if not hasattr(self._own, "stream"):
            self._own.stream = torch.cuda.Stream(self._device)
        with torch.cuda.stream(self._own.stream), torch.autocast("cuda", torch.bfloat16):
            yield


def device() -> str:
    """Where networks run: the processor, unless CAMTRIAGE_DEVICE names another (cuda)."""
    return os.environ.get("CAMTRIAGE_DEVICE") or "cpu"


def has_onnxruntime() -> bool:
    """Whether ONNX Runtime can be imported here (it has no wheel for some machines)."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return False
    return True


def _all(given: "Tensor | tuple[Tensor, ...] | list[Tensor]") -> "Sequence[Tensor]":
    """What a network returned, one tensor or several, as a sequence."""
    return given if isinstance(given, (tuple, list)) else (given,)


def halved(module: "nn.Module") -> "nn.Module":
    """A copy in eval mode whose matrices and kernels hold only numbers that float16 has.

    Its safetensors (weights.save) and its ONNX file are then the same numbers, not two roundings.
    """
    import torch

    module = copy.deepcopy(module).eval().cpu().float()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim >= 2:
            tensor.copy_(tensor.to(torch.float16).to(tensor.dtype))
            if not torch.isfinite(tensor).all():
                raise WeightsError(f"{name}: a weight is beyond float16, or not a number")
    return module


def export_onnx(
    module: "nn.Module",
    example: "tuple[Tensor, ...]",
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> float:
    """Write one ONNX file with float16 weights and any batch size; check it against PyTorch.

    example   input tensors, two or more in a batch; all other sizes become fixed
    returns   the largest difference to `halved(module)`, relative to the largest value
    """
    module = halved(module)
    _trace(module, example, path, input_names, output_names)
    _halve_initialisers(path)
    difference = _difference(module, example, path, input_names)
    if not difference <= CLOSE_ENOUGH:
        raise WeightsError(f"{path}: the ONNX file is {difference:.1e} away from PyTorch")
    return difference


def _trace(
    module: "nn.Module",
    example: "tuple[Tensor, ...]",
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> None:
    """TorchScript's exporter: five times quicker than dynamo's here, one file, no onnxscript.

    PRESERVE keeps batch-norm apart from the kernels: folded kernels would be rounded once more.
    """
    import torch

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # an operator ONNX lacks
    try:
        _export(module, example, path, input_names, output_names)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _export(
    module: "nn.Module",
    example: "tuple[Tensor, ...]",
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> None:
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it is the older exporter, and constants it meets
        torch.onnx.export(
            module,
            example,
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=list(input_names),
            output_names=list(output_names),
            dynamic_axes={name: {0: BATCH} for name in (*input_names, *output_names)},
        )


def _halve_initialisers(path: Path) -> None:
    """Store float32 weights that float16 holds exactly as float16 and a Cast, undone on loading."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.size < _SMALLEST_HALVED or not np.array_equal(half, values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.float16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    for number, cast in enumerate(casts):
        model.graph.node.insert(number, cast)
    onnx.checker.check_model(model)
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


def _difference(
    module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, input_names: Sequence[str]
) -> float:
    """Largest relative difference over outputs, for the example and for its first row alone."""
    import torch

    session, worst = OnnxSession(path), 0.0
    for rows in (len(example[0]), 1):
        part = tuple(tensor[:rows] for tensor in example)
        with torch.inference_mode():
            expected = _all(module(*part))
        found = session.run({n: t.numpy() for n, t in zip(input_names, part, strict=True)})
        for tensor, name in zip(expected, session.outputs, strict=True):
            scale = max(float(tensor.abs().max()), 1e-9)
            apart = float(np.abs(tensor.numpy() - found[name]).max())
            worst = max(worst, apart / scale if np.isfinite(apart) else np.inf)
    return worst


def cache_dir() -> Path:
    """The platform's folder for files that can be made again."""
    return platformdirs.user_cache_path("camtriage", appauthor=False, opinion=False)


def cached(key: str, make: Callable[[Path], object]) -> Path | None:
    """A file in the cache, made by `make(path)` the first time; None where nothing can be written.

    key   file name that changes with everything that shapes the content (say, a digest)
    """
    from pipeline.models import weights

    place = cache_dir() / "onnx" / key
    try:
        if place.exists() and weights.sidecar(place) == weights.digest(place):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            fresh = Path(folder) / key
            make(fresh)
            weights.write_sidecar(fresh)
            os.replace(f"{fresh}.sha256", f"{place}.sha256")
            os.replace(fresh, place)
    except OSError:  # read-only or full: the caller goes on with PyTorch
        return None
    return place
