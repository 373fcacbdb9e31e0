"""Animals, people and a car as drawn bodies. Metres; see sculpt.py for how they are drawn."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.train.drawn.sculpt import Body, Chain, Colour

XY = NDArray[np.float64]  # (2,) metres


@dataclass(frozen=True, slots=True)
class Shape:
    """The body measures of a four-legged species. Metres."""

    length: float  # chest to rump
    height: float  # shoulder
    depth: float  # of the chest, as a radius
    leg: float  # radius of the upper leg
    neck: float
    neck_r: float
    head: float
    head_r: float
    ear: float
    back: Colour
    face: Colour
    legs: Colour
    tail: float  # length
    tail_r: float
    tip: Colour  # of the tail
    belly: float = 1.25
    rump_up: float = 0.0
    carriage: float = 0.9  # angle of the neck, radians above level
    antlers: float = 0.0


FOUR_LEGGED = {
    "Capreolus capreolus": Shape(
        .62, .68, .125, .075, .30, .060, .20, .062, .15, (.46, .36, .27), (.42, .33, .26),
        (.38, .30, .23), .04, .03, (.93, .90, .84), 1.25, .02, 1.0),
    "Cervus elaphus": Shape(
        1.15, 1.15, .235, .14, .52, .115, .34, .105, .20, (.38, .28, .20), (.34, .26, .20),
        (.28, .22, .17), .12, .04, (.80, .66, .45), 1.15, .0, .95, .75),
    "Vulpes vulpes": Shape(
        .46, .38, .080, .040, .13, .050, .16, .052, .085, (.60, .36, .18), (.60, .36, .18),
        (.16, .12, .10), .42, .055, (.95, .93, .90), 1.35, .0, .45),
    "Sus scrofa": Shape(
        .80, .72, .225, .095, .20, .165, .42, .130, .10, (.20, .17, .15), (.23, .20, .17),
        (.13, .11, .10), .20, .018, (.12, .10, .09), 1.05, -.10, -.10),
    "Lepus europaeus": Shape(
        .34, .25, .080, .050, .06, .050, .11, .046, .135, (.45, .38, .28), (.46, .39, .30),
        (.46, .38, .28), .05, .03, (.92, .90, .86), 1.40, .05, .7),
    "Meles meles": Shape(
        .50, .27, .125, .060, .08, .085, .20, .060, .04, (.48, .47, .46), (.93, .92, .90),
        (.10, .09, .09), .12, .04, (.70, .69, .67), .45, .0, .05),
}  # fmt: skip


def four_legged(species: str, rng: np.random.Generator, stride: float, grazing: bool) -> Body:
    """An animal of a species. `stride` is the phase of its walk in radians."""
    shape = FOUR_LEGGED[species]
    size = rng.uniform(0.92, 1.06)
    shape = replace(
        shape,
        length=shape.length * size,
        height=shape.height * size,
        depth=shape.depth * size,
    )
    half, spine = shape.length / 2, shape.height - shape.depth
    shoulder, rump = (half, spine), (-half, spine + shape.rump_up)
    trunk = Chain(
        (
            (rump[0], rump[1], shape.depth * 0.90),
            (-half * 0.35, spine - 0.01, shape.depth * 0.98),
            (half * 0.35, spine - 0.02, shape.depth * 1.03),
            (shoulder[0], shoulder[1], shape.depth * 0.92),
        ),
        shape.back,
    )
    near = _legs(shape, stride, 0.6 * shape.depth, shape.legs)
    far = _legs(shape, stride + 2.2, -0.8 * shape.depth, _dark(shape.legs, 0.62))
    head, eye = _head(species, shape, -0.75 if grazing and shape.neck > 0.2 else shape.carriage)
    return Body(
        (*far, _tail(shape, rump), trunk, *near, *head),
        shape.belly,
        0.005 * shape.height + 0.002,
        eye,
    )


def _legs(shape: Shape, phase: float, z: float, colour: Colour) -> tuple[Chain, ...]:
    """A front and a hind leg; the joints bend as a walking animal's do."""
    half, top = shape.length / 2, shape.height - 1.15 * shape.depth
    chains = []
    for x, swing, knee in ((half * 0.92, np.sin(phase), 0.05), (-half, np.sin(phase + 1.9), -0.22)):
        reach, lift = 0.24 * swing * shape.height, max(0.0, np.cos(phase)) * 0.06 * shape.height
        upper = (x + 0.35 * reach + knee * 0.25 * shape.height, top * 0.58)
        lower = (x + 0.60 * reach + knee * 0.45 * shape.height, top * 0.30 + lift)
        foot = (x + reach + knee * 0.20 * shape.height, shape.leg * 0.3 + lift)
        thick = shape.leg * (1.5 if knee < 0 else 1.15)
        hip = (x, top + shape.depth * (0.55 if knee > 0 else 0.40), thick)
        fur = shape.back if z > 0 else _dark(shape.back, 0.62)
        chains.append(Chain((hip, (*upper, thick * 0.62)), fur, z * 0.8))
        points = ((*upper, thick * 0.60), (*lower, shape.leg * 0.42), (*foot, shape.leg * 0.34))
        toe = (foot[0] + shape.leg * 0.6, foot[1] - shape.leg * 0.05, shape.leg * 0.30)
        chains.append(Chain((*points, toe), colour, z))
    return tuple(chains)


def _tail(shape: Shape, rump: tuple[float, float]) -> Chain:
    x, y = rump[0] - shape.depth * 0.75, rump[1] + shape.depth * 0.35
    drop = -0.35 * shape.tail
    middle = (x - shape.tail * 0.55, y + drop * 0.8, shape.tail_r * 1.1)
    end = (x - shape.tail * 0.95, y + drop, shape.tail_r * 0.75)
    if shape.tail < 0.15:  # the white patch of a deer, the scut of a hare
        return Chain(
            ((x + 0.02, y - 0.02, shape.depth * 0.42), (x, y - 0.06, shape.tail_r)), shape.tip
        )
    return Chain(((x, y, shape.tail_r * 0.5), middle, end), shape.back, -0.01)


def _head(
    species: str, shape: Shape, angle: float
) -> tuple[tuple[Chain, ...], tuple[float, float]]:
    x, y = shape.length / 2 + shape.depth * 0.35, shape.height - shape.depth * 0.75
    up = np.array([np.cos(angle), np.sin(angle)])
    poll = np.array([x, y]) + shape.neck * up
    dip = -0.30 if angle > -0.3 else -0.9
    way = np.array([np.cos(dip), np.sin(dip)])
    nose, brow = poll + shape.head * way, poll + 0.38 * shape.head * way
    neck = Chain(
        ((x - 0.05, y - 0.02, shape.depth * 0.72), (*poll, shape.neck_r * 1.05)), shape.back, 0.01
    )
    skull = Chain(
        ((*poll, shape.head_r), (*brow, shape.head_r * 0.86), (*nose, shape.head_r * 0.42)),
        shape.face, 0.03,
    )  # fmt: skip
    tip = Chain(((*nose, shape.head_r * 0.30),), (0.10, 0.08, 0.08), 0.06 + shape.head_r * 0.3)
    high = np.array([-way[1], way[0]])
    eye = brow + high * shape.head_r * 0.30 - way * 0.05 * shape.head
    dot = Chain(((*eye, shape.head_r * 0.16),), (0.05, 0.04, 0.04), 0.09 + shape.head_r)
    parts = [neck, skull, tip, dot, *_ears(shape, poll, high, way)]
    parts += _marks(species, shape, poll, brow, nose, high)
    return tuple(parts), (float(eye[0]), float(eye[1]))


def _ears(shape: Shape, poll: XY, high: XY, way: XY) -> list[Chain]:
    root = poll + high * shape.head_r * 0.7
    lean = high - way * (0.55 if shape.ear < 0.12 else 0.35)
    near, far = root + lean * shape.ear, root + (lean + 0.45 * way) * shape.ear * 0.95
    wide = min(0.26 * shape.ear, 0.035)

    def leaf(tip: XY, z: float, tint: float) -> Chain:
        middle = (root + tip) / 2
        points = ((*root, wide * 0.7), (*middle, wide), (*tip, wide * 0.25))
        return Chain(points, _dark(shape.face, tint), z)

    return [leaf(far, -0.02, 0.70), leaf(near, 0.05, 0.92)]


def _marks(species: str, shape: Shape, poll: XY, brow: XY, nose: XY, high: XY) -> list[Chain]:
    """The marks of a species: stripes, white chin, mane, antlers, tail tip."""
    r, front = shape.head_r, 0.05 + shape.head_r * 0.5
    if species == "Meles meles":
        stripe = ((*(poll + high * 0.2 * r), r * 0.42), (*(brow + high * 0.15 * r), r * 0.38),
                  (*(nose - (nose - brow) * 0.25), r * 0.14))  # fmt: skip
        return [Chain(stripe, (0.08, 0.07, 0.07), front)]
    if species == "Vulpes vulpes":
        cheek = ((*(brow - high * 0.45 * r), r * 0.42), (*(nose - high * 0.10 * r), r * 0.26))
        x, y = -shape.length / 2 - shape.depth * 0.75, shape.height - shape.depth * 0.65
        tip = ((x - shape.tail * 0.88, y - 0.33 * shape.tail, shape.tail_r * 0.85),
               (x - shape.tail * 1.05, y - 0.37 * shape.tail, shape.tail_r * 0.3))  # fmt: skip
        return [Chain(cheek, (0.93, 0.90, 0.86), front), Chain(tip, shape.tip, 0.02)]
    if species == "Sus scrofa":
        withers = (shape.length * 0.30, shape.height - 0.005, 0.05)
        neck = (*(poll + high * 0.75 * r), 0.05)
        mane = ((-shape.length * 0.30, shape.height - 0.07, 0.03), withers, neck)
        tusk = ((*(nose - high * 0.3 * r - (nose - brow) * 0.2), 0.014), (*nose, 0.006))
        return [Chain(mane, (0.13, 0.11, 0.10), -0.02), Chain(tusk, (0.9, 0.88, 0.8), front + 0.1)]
    if shape.antlers:
        return _antlers(poll + high * r * 0.8, shape.antlers)
    return []


def _antlers(root: XY, size: float) -> list[Chain]:
    chains = []
    for z, lean in ((-0.08, 0.10), (0.08, -0.12)):
        beam = [(root[0] + size * (lean - 0.42 * np.sin(1.5 * t)), root[1] + size * t,
                 0.024 - 0.014 * t) for t in (0.0, 0.3, 0.65, 1.0)]  # fmt: skip
        chains.append(Chain(tuple(beam), (0.42, 0.33, 0.24), z))
        for x, y, r in beam[:3]:
            tine = ((x, y, r * 0.8), (x + 0.24 * size, y + 0.20 * size, 0.006))
            chains.append(Chain(tine, (0.55, 0.46, 0.35), z))
    return chains


def bird(rng: np.random.Generator, stride: float) -> Body:
    """A crow on the ground, now looking up, now pecking."""
    black, beak = (0.09, 0.09, 0.11), (0.14, 0.13, 0.12)
    low = 0.10 if np.sin(stride) > 0.4 else 0.0
    head = (0.17 + low * 0.4, 0.36 - 1.6 * low)
    legs = []
    for x, z in ((0.0, 0.03), (-0.05 + 0.06 * np.sin(stride), -0.03)):
        toes = ((x, 0.005, 0.008), (x + 0.05, 0.004, 0.007))
        legs.append(Chain(((x, 0.13, 0.016), (x + 0.02, 0.06, 0.008), *toes), beak, z))
    trunk = Chain(((-0.16, 0.17, 0.050), (-0.02, 0.21, 0.092), (0.08, 0.25, 0.075)), black)
    tail = Chain(((-0.14, 0.17, 0.045), (-0.34, 0.10, 0.028)), _dark(black, 0.8), -0.01)
    wing = Chain(((0.05, 0.25, 0.050), (-0.10, 0.20, 0.055), (-0.27, 0.13, 0.02)), (.13, .13, .17),
                 0.05)  # fmt: skip
    neck = Chain(((0.09, 0.27, 0.065), (*head, 0.050)), black, 0.01)
    bill = Chain(((head[0] + 0.03, head[1], 0.024), (head[0] + 0.11, head[1] - 0.02, 0.006)), beak)
    eye = (head[0] + 0.018, head[1] + 0.012)
    dot = Chain(((*eye, 0.007),), (0.5, 0.48, 0.45), 0.08)
    return Body((tail, *legs, trunk, wing, neck, bill, dot), 1.0, 0.003, eye)


def person(rng: np.random.Generator, stride: float, infrared: bool = False) -> Body:
    """A person who walks past: coat, trousers, boots, hat or hair, often a rucksack.

    In infrared clothes are pale whatever their colour.
    """
    coats = (
        (0.22, 0.27, 0.17),
        (0.48, 0.13, 0.11),
        (0.16, 0.22, 0.38),
        (0.38, 0.33, 0.24),
        (0.70, 0.45, 0.12),
    )
    coat, cloth = coats[rng.integers(5)], (0.20, 0.20, 0.24)
    skin = ((0.84, 0.66, 0.54), (0.52, 0.36, 0.26), (0.33, 0.22, 0.16))[rng.integers(3)]
    hat = coats[rng.integers(5)] if rng.random() < 0.5 else (0.16, 0.11, 0.08)
    if infrared:
        coat, cloth, hat = _pale(coat), _pale(cloth), _pale(hat)
    chains = []
    for phase, z, tint in ((0.0, -0.09, 0.65), (np.pi, 0.09, 1.0)):
        swing = 0.42 * np.sin(stride + phase)
        knee = (0.42 * swing + 0.04, 0.50)
        foot = (0.80 * swing - 0.02, 0.06 + 0.10 * max(0.0, np.cos(stride + phase)))
        leg = ((0.0, 0.92, 0.105), (*knee, 0.075), (*foot, 0.055))
        boot = ((foot[0] - 0.02, foot[1] - 0.01, 0.055), (foot[0] + 0.16, foot[1] - 0.025, 0.035))
        chains += [Chain(leg, _dark(cloth, tint), z), Chain(boot, (0.14, 0.11, 0.09), z)]
        hand = (-0.55 * swing + 0.14, 0.92)
        arm = ((-0.02, 1.42, 0.070), (-0.35 * swing - 0.03, 1.15, 0.058), (*hand, 0.045))
        chains += [
            Chain(arm, _dark(coat, tint * 0.95), 2 * z),
            Chain(((*hand, 0.05),), skin, 2 * z),
        ]
    trunk = ((0.0, 0.93, 0.15), (0.01, 1.18, 0.165), (0.0, 1.40, 0.155))
    chains += [Chain(trunk, coat), Chain(((0.02, 1.50, 0.06), (0.04, 1.58, 0.06)), skin)]
    chains.append(Chain(((0.05, 1.64, 0.105), (0.065, 1.72, 0.10)), skin, 0.02))
    chains.append(
        Chain(((-0.02, 1.67, 0.085), (0.03, 1.755, 0.098), (0.07, 1.77, 0.085)), hat, 0.06)
    )
    if rng.random() < 0.6:
        chains.append(
            Chain(((-0.20, 1.08, 0.13), (-0.20, 1.38, 0.14)), coats[rng.integers(5)], 0.02)
        )
    return Body(tuple(chains), 0.9, 0.002, None)


def _pale(colour: Colour) -> Colour:
    red, green, blue = colour
    return 0.50 + 0.45 * red, 0.50 + 0.45 * green, 0.50 + 0.45 * blue


def _dark(colour: Colour, by: float) -> Colour:
    red, green, blue = colour
    return by * red, by * green, by * blue
