"""Asking a general model what else is in a picture: vectors in, probabilities out."""

import numpy as np
import pytest

from pipeline.poaching.context import (
    CONTEXTS,
    PROMPTS,
    WEAK,
    by_picture,
    can_tell,
    context_scores,
    texts,
)


@pytest.fixture
def prompts():
    """Unit vectors in which the prompts of one context lie together and apart from the others."""
    rng = np.random.default_rng(0)
    vectors = np.repeat(np.eye(64)[: len(CONTEXTS)], [len(p) for p in PROMPTS.values()], axis=0)
    vectors = vectors + rng.normal(0, 0.02, vectors.shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_every_context_is_asked_in_words_of_its_own():
    assert len(texts()) == len(set(texts()))
    assert {*WEAK, "livestock", "dog", "vehicle", "person"} <= set(CONTEXTS)


@pytest.mark.parametrize("family", ["softmax", "sigmoid"])
def test_a_picture_of_a_context_scores_highest_there(prompts, family):
    pictures = np.eye(64)[: len(CONTEXTS)]
    scores = context_scores(pictures, prompts, family, scale=50, bias=-20)
    assert (scores.argmax(axis=1) == np.arange(len(CONTEXTS))).all()
    assert (scores.diagonal() > 0.9).all()


def test_softmax_shares_one_probability_and_sigmoid_does_not(prompts):
    both = np.eye(64)[:1] + np.eye(64)[6:7]  # a weapon and a person
    both /= np.linalg.norm(both)
    assert context_scores(both, prompts, "softmax", 100).sum() == pytest.approx(1)
    assert context_scores(both, prompts, "sigmoid", 100, -40).sum() > 1.9


def test_huge_logits_stay_probabilities(prompts):
    for family in ("softmax", "sigmoid"):
        scores = context_scores(np.eye(64)[:3] * 1e3, prompts, family, 1e3)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_no_pictures_give_no_scores(prompts):
    assert context_scores(np.zeros((0, 64)), prompts, "softmax", 100).shape == (0, len(CONTEXTS))


def test_scores_are_handed_on_by_picture(prompts):
    scores = context_scores(np.eye(64)[:1], prompts, "softmax", 50)
    assert max(by_picture(["a1"], scores)["a1"].items(), key=lambda kv: kv[1])[0] == CONTEXTS[0]


@pytest.mark.parametrize(
    ("name", "general"),
    [
        ("starter", False),
        ("hf-hub:imageomics/bioclip-2", False),
        ("ViT-B-32", True),
        ("coca_ViT-B-32", True),
        ("hf-hub:timm/ViT-B-16-SigLIP2", True),
    ],
)
def test_only_general_models_are_asked(name, general):
    assert can_tell(name) is general
