"""Commands about models: which there are, getting them, making them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database, Frame, Out, with_options
from flows.run_options import NamingOptions, database_url
from pipeline.counted import counted
from pipeline.errors import WeightsError

if TYPE_CHECKING:
    from flows.services.reviewing.learn import LearnedNames

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
    from flows.services.upkeep.models import learned_here, offered_models

    for model in offered_models():
        offer, here = model.offer, "here" if model.here else "not here"
        about = f"{offer.name:<24} {offer.task:<12} {offer.megabytes:>5} MB  {offer.licence:<14}"
        print(f"{about} {here}")
        print(f"    {offer.source}: {offer.note}")
    for head in learned_here():
        if isinstance(head, WeightsError):
            print(f"learned, damaged: {head}")
            continue
        names = counted(len(head.taxa), "name")
        print(f"{'learned:' + head.name:<24} labeller     learned from reviews  {head.sha256[:12]}")
        pictures = head.facts["training"]["reviewed_pictures"]
        print(f"    {names} over {head.facts['labeller']['name']}, from {pictures} pictures")
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


LEARN_FROM = ("database", "settings", "labels", "labeller", "pretrained")


@app.command("learn")
@with_options(NamingOptions, LEARN_FROM)
def learn(
    options: NamingOptions,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of what is learned.")] = "reviews",
    truth: Annotated[
        float, typer.Option(help="Share of the names below a class that must be true.")
    ] = 0.95,
) -> int:
    """Learn names from reviews, over the stored vectors; kept where it beats the labeller.

    camtriage learn --name park; camtriage relabel --labeller learned:park
    """
    from flows.services.reviewing.learn import learn_names

    found = learn_names(options, name, truth)
    _print_learned(found)
    return 0 if found.kept else 1


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


@train.command("from-reviews")
def train_from_reviews(
    out: Out = Path("frame-model"),
    start: Annotated[
        str,
        typer.Option(metavar="NAME", help="Where to begin: starter, or a frame model's folder."),
    ] = "starter",
    root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER", help="Where a card lies now; FOLDER alone: any card. Repeatable."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Of each run; one run a station left out.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    database: Database = None,
) -> int:
    """Let the frame model learn on from reviewed pictures; kept where it beats itself.

    camtriage train from-reviews --out frame-model; camtriage run CARD --frame frame-model
    """
    from flows.services.reviewing.pictures import roots
    from flows.services.upkeep.training import relearn_frame

    folder = relearn_frame(
        database_url(database),
        out,
        print,
        start=start,
        roots=roots(root or []),
        steps=steps,
        seed=seed,
    )
    if folder is None:
        print("not kept: it does not beat the model it began with; review more pictures")
        return 1
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


@train.command("drawn")
def train_drawn(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The labeller; changed in place.")],
    tables: Annotated[
        list[Path], typer.Argument(metavar="CSV", help="Real pictures, whose names must stay.")
    ],
) -> int:
    """Teach a labeller the demo's drawn animals, as the starter labeller was taught.

    camtriage train drawn labeller labels.csv
    """
    from flows.services.upkeep import training

    real = training.add_drawn(folder, tables, print)
    print(f"{folder}: knows the drawn animals; held against {real} real pictures")
    return 0


@train.command("texts")
def train_texts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The labeller; changed in place.")],
    tables: Annotated[
        list[Path], typer.Argument(metavar="CSV", help="Further pictures and their species.")
    ],
) -> int:
    """Pull a labeller's texts on by further pictures, as the starter labeller's were.

    camtriage train texts labeller labels.csv
    """
    from flows.services.upkeep import training

    pictures = training.pull_texts(folder, tables, print)
    print(f"{folder}: texts pulled on by {pictures} pictures")
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


def _print_learned(found: "LearnedNames") -> None:
    """What it was learned from, both figures, and what became of it."""
    judged, left = found.judged, found.left
    print(f"learned from {counted(found.pictures, 'reviewed picture')} in {found.seconds:.1f} s")
    print("names: " + ", ".join(f"{name} {count}" for name, count in found.names))
    if found.unknown:
        print(f"new to the labeller: {', '.join(found.unknown)}")
    if found.few:
        few = ", ".join(f"{name} {count}" for name, count in found.few)
        print(f"part of the rest, in one of the {found.groups} alone or too few pictures: {few}")
    print(f"the rest: {counted(found.rest, 'picture')}, left to the labeller")
    unused = {
        "with several on them": left.several,
        "with an animal named by its class or not at all, or that nobody could tell": left.nameless,
        "without vectors (hidden as blank, or not looked at)": left.without,
        **{f"with vectors of {name}": count for name, count in left.other},
    }
    if said := ", ".join(f"{count} {why}" for why, count in unused.items() if count):
        print(f"reviewed pictures left out: {said}")
    alone = "" if found.groups == "deployments" else " of the reviewed deployments alone"
    print(f"judged on {found.group_count} {found.groups}{alone}, each left out, before and after:")
    print(f"  named as people do   {judged.named_before} {judged.named_after} of {judged.gain.n}")
    for when, true in (("before", judged.true_before), ("after", judged.true_after)):
        said = f"{true} of {true.n}" if true.n else "none stated"
        print(f"  true below a class   {said} {when}")
    if found.kept is None:
        print("not kept: it does not beat the labeller's own names; review more pictures")
        return
    print(f"a name is stated from {found.level:g}; kept in {found.kept}")
    print("animals that nobody has named may be called so, too: look at some of them afterwards")
    print(f"use it: camtriage relabel --labeller learned:{found.name}")
