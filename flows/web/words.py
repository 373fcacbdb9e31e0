"""What the screen says of its queues and keys."""

from markupsafe import Markup

QUEUES = {  # kind -> what it holds
    "query": "What your own SELECT named when the screen was started.",
    "query_pictures": "What your own SELECT named when the screen was started, picture by picture.",
    "audit": "A random sample of the pictures set aside as blank: measures what was missed.",
    "sample": Markup(
        "Visits drawn by <code>camtriage review sample</code>: corrects every number of the study."
    ),
    "second": "A random tenth of what others answered, not shown to you: how far do you agree?",
    "cells": "One visit for each station and week in which a species was named and nobody looked.",
    "flags": "Visits under suspicion of poaching, the gravest first: what is on them? A flag is"
    " confirmed or dismissed on its own page. People are shown.",
    "doubtful": "Visits whose name is unsure, or that have none.",
    "people": "Visits with people or vehicles. People are shown.",
}
SEVERITIES = ("", "look when there is time", "look today", "look now")  # of a flag
KEYS = (  # (keys, what they do), in the order of the help
    ("Enter", "accept the machine's word; with an answer begun: save it"),
    ("b", "blank"),
    ("p", "person"),
    ("v", "vehicle"),
    ("u", "do not know"),
    ("/ or s", "search a species; Enter takes it, Shift+Enter takes it and goes on"),
    ("r", "my last answer again: its button says which"),
    ("0-9", "how many, before any of these"),
    ("+", "keep the machine's word as a row, to add another species"),
    ("d", "sex, life stage, behaviour, individual, comment"),
    ("Esc", "drop what was begun"),
    ("Backspace", "take back my last answer; Shift+Backspace gives it again"),
    ("← →", "picture before, after"),
    ("↑ ↓", "visit before, after, without an answer"),
    ("[ ]", "visit before, after at the same camera"),
    ("t", "the answer is for: the visit, this picture, the selected pictures"),
    ("x", "select this picture; Shift+x all of them"),
    ("f", "favourite"),
    ("Space", "play the burst"),
    ("z", "zoom to the pixel; the mouse or arrow keys move"),
    ("n", "brighter for the night; Shift+n more contrast; m as it was"),
    ("o", "boxes on or off"),
    ("h", "show a hidden picture (it is logged who looked)"),
    ("q", "back to the queues"),
    ("?", "these keys"),
)
GRID_KEYS = (  # of the grid of visits that look alike
    ("Enter", "accept the machine's word for all selected visits"),
    ("b", "blank, for all selected"),
    ("p", "person"),
    ("v", "vehicle"),
    ("u", "do not know"),
    ("/ or s", "search a species for all selected"),
    ("← → ↑ ↓", "move"),
    ("x or Space", "leave a visit out, or take it in again; Shift+x all of them"),
    ("z", "look at it large: ← → its pictures, Esc back"),
    ("h", "show the hidden picture (it is logged who looked), and select it"),
    ("PageDown", "the next ones; these stay without an answer"),
    ("Backspace", "take back all that my last key answered; Shift+Backspace gives it again"),
    ("q", "back to the queues"),
    ("?", "these keys"),
)
TAKEN = "bpvusrdtxfznmohq"  # letters of the screen's own keys; digits count
