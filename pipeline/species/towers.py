"""The starter labeller's image tower, under a name of our own that timm and open_clip find.

open_clip's `local-dir:` passes no arguments to a timm model. The network of the starter needs two
that differ from timm's (TensorFlow's padding, and no ReLU after its first 1 x 1 block); without
them it loads without a warning and names most pictures wrongly. So both are built in here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

NAME = "camtriage_mobilenet_edgetpu_100"


def register() -> None:
    """Make NAME known to timm; call before open_clip builds or loads the starter."""
    from pipeline.models.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    import timm
    from timm.models import register_model

    if not timm.is_model(NAME):
        register_model(camtriage_mobilenet_edgetpu_100)


def camtriage_mobilenet_edgetpu_100(pretrained: bool = False, **kwargs: Any) -> "nn.Module":
    """MobileNet-EdgeTPU as its TensorFlow original computes it; weights come by state dict."""
    import timm
    from torch import nn

    if pretrained:
        raise ValueError("this model has no weights to fetch: they come with the labeller")
    for name in ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
        kwargs.pop(name, None)
    model: nn.Module = timm.create_model("mobilenet_edgetpu_100", pad_type="same", **kwargs)
    model.get_submodule("blocks.0.0.bn1").act = nn.Identity()
    return model
