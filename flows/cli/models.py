"""Commands about models: which there are, getting them, making them."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Frame, Out

app = typer.Typer()
models = typer.Typer(invoke_without_command=True, help="Which models there are, and where.")
train = typer.Typer(no_args_is_help=True, help="Make models as the starter models were made.")
app.add_typer(models, name="models")
app.add_typer(train, name="train")


@models.callback()
def models_list(context: typer.Context) -> int:
    """What is offered: size, licence, and whether its weights are here."""
    if context.invoked_subcommand is not None:
        return 0
    from flows.services.upkeep.models import offered_models

    for model in offered_models():
        offer, here = model.offer, "here" if model.here else "not here"
        about = f"{offer.name:<24} {offer.task:<12} {offer.megabytes:>5} MB  {offer.licence:<14}"
        print(f"{about} {here}")
        print(f"    {offer.source}: {offer.note}")
    print("fetch the rest with: camtriage models pull field (or one of the names)")
    return 0


@models.command("pull")
def models_pull(
    profile: Annotated[str, typer.Argument(help="field")],
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: the cache.")] = None,
) -> int:
    """Download a profile's weights, checked by sha-256.

    camtriage models pull field
    """
    from flows.services.upkeep.models import pull_models

    for place in pull_models(profile, folder, report=print):
        print(place)
    return 0


@train.command("frame")
def train_frame(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and what is on them.")],
    out: Out = Path("frame-model"),
    backbone: Annotated[
        str, typer.Option(help="Any timm name: EfficientNet, ConvNeXt V2, DaViT, ...")
    ] = "tf_efficientnet_lite0",
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The backbone's safetensors; else random.")
    ] = None,
    learn: Annotated[str, typer.Option(help="heads, last (stage) or all.")] = "heads",
    size: Annotated[str, typer.Option(help="Height x width in pixels.")] = "320x448",
    steps: Annotated[int, typer.Option(help="At most; stops early on the validation rows.")] = 400,
    soup: Annotated[
        int, typer.Option(help="Runs averaged greedily, kept only if better on validation.")
    ] = 1,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Also fit the decision study by study.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
) -> int:
    """Fine-tune a frame model of one's own; `camtriage run --frame DIR` uses it.

    camtriage train frame labels.csv --weights backbone.safetensors --out frame-model
    """
    from flows.services.upkeep import training

    folder = training.train_frame(
        table,
        out,
        print,
        backbone=backbone,
        weights=weights,
        learn=learn,
        size=size,
        steps=steps,
        soup=soup,
        leave_out=leave_out,
        seed=seed,
    )
    print(folder)
    return 0


@train.command("detector")
def train_detector(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and what is on them.")],
    start: Annotated[Path, typer.Option(metavar="FILE", help="NanoDet-Plus-m, trained on COCO.")],
    out: Out = Path("detector"),
    boxes: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another detector's results: where the boxes are."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Of each run; one run a study left out.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
) -> int:
    """Fine-tune a detector of one's own; `camtriage run --detector DIR` uses it.

    camtriage train detector labels.csv --start nanodet_plus_m.onnx --out detector
    """
    from flows.services.upkeep import training

    folder = training.train_detector(
        table, start, out, print, boxes=boxes or (), steps=steps, seed=seed
    )
    print(folder)
    return 0


@train.command("labeller")
def train_labeller(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Backbone weights and class list.")],
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and their species.")],
    out: Out = Path("labeller"),
) -> int:
    """Make a small open_clip labeller as the starter labeller was made.

    camtriage train labeller weights labels.csv --out labeller
    """
    from flows.services.upkeep import training

    print(training.train_labeller(folder, table, out, print))
    return 0


@train.command("judge")
def train_judge(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and what is on them.")],
    frame: Frame = "starter",
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="starter, a folder, or none: the frame model alone.")
    ] = "starter",
) -> int:
    """Measure a frame model and a detector on labelled cards: what they keep, card by card.

    camtriage train judge labels.csv
    """
    from flows.services.upkeep.training import judge_frame

    print(judge_frame(table, frame, None if detector == "none" else detector))
    return 0
