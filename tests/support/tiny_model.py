"""Tiny random models and synthetic voices for the tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tiny_graphs import kept_graphs

from ecoface_model.checkpoint import write_model
from ecoface_model.config import (
    ContentConfig,
    EcoFaceConfig,
    EmotionConfig,
    MotionGeneratorConfig,
    VisualConfig,
)
from ecoface_model.core.constants import EMOTIONS, SAMPLE_RATE
from ecoface_model.emotion import WhisperEmotion
from ecoface_model.networks import Networks

STYLES = ("anna", "ben", "cleo")
TINY = EcoFaceConfig(
    content=ContentConfig(feature_dim=32, n_layers=2, n_heads=2, feedforward_dim=48),
    emotion=EmotionConfig(
        feature_dim=16, n_layers=2, n_heads=2, feedforward_dim=32, hidden_dim=6, frame_units=5
    ),
    visual=VisualConfig(widths=(4, 4, 8, 8), feature_dim=16, image_size=32),
    generator=MotionGeneratorConfig(
        content_dim=32, emotion_dim=16, n_styles=3, hidden_dim=24, condition_dim=12, flow_hidden_dim=8
    ),
)
TINY_HUBERT = EcoFaceConfig(
    content=ContentConfig(kind="hubert", feature_dim=32, n_layers=2, n_heads=2, feedforward_dim=48),
    emotion=EmotionConfig(kind="hubert", feature_dim=32, n_layers=2, n_heads=2, feedforward_dim=48),
    visual=replace(TINY.visual, feature_dim=32),
    generator=replace(TINY.generator, content_dim=32, emotion_dim=32, steady_face=False),
)
INFO = {"name": "tiny", "head": "EcoFace reference head", "licences": ["Random numbers: no licence needed"]}


def tiny_networks(config: EcoFaceConfig = TINY, seed: int = 0) -> Networks:
    """Random networks that tell voices apart; motion as large as a face's, with an open mouth."""
    torch.manual_seed(seed)
    networks = Networks(config).eval()
    for (
        parameter
    ) in networks.generator.prior.to_shift.parameters():  # an untrained flow would be the identity
        torch.nn.init.normal_(parameter, std=0.1)
    networks.generator.style_normaliser.std.fill_(0.1)
    networks.generator.style_normaliser.mean[:, 50] = (
        0.2  # radians: an open mouth, whose lips have nothing to settle
    )
    if isinstance(networks.emotion, WhisperEmotion):
        states = networks.emotion.front.hidden_states(torch.from_numpy(voice(4.0, seed=9))[None])
        networks.emotion.state_mean.copy_(states.mean(dim=(0, 2)))
        networks.emotion.state_std.copy_(states.std(dim=(0, 2)))
        networks.classifier.to_labels.weight.data *= 20  # sure of what it hears,
        torch.nn.init.normal_(networks.classifier.hidden_to_labels.weight, std=0.1)
        networks.classifier.offset[0] = -9  # and seldom of neutral
    return networks


def tiny_prototypes(config: EcoFaceConfig = TINY, seed: int = 1) -> torch.Tensor:
    """Random prototypes; at intensity 0 every emotion is neutral, and neutral is at every intensity."""
    prototypes = torch.randn(
        len(EMOTIONS), 3, config.emotion.feature_dim, generator=torch.Generator().manual_seed(seed)
    )
    prototypes[:, 0] = prototypes[0] = prototypes[0, 0]
    return prototypes


def write_tiny_model(
    path: Path, config: EcoFaceConfig = TINY, seed: int = 0, sure: bool = True, graphs: bool = True
) -> Path:
    """A whole model file of random networks; to one that is sure of nothing, no lines are of one mood.

    Args:
        graphs: for ONNX Runtime, of the sizes of TINY; without them PyTorch runs the model.
    """
    networks = tiny_networks(config, seed)
    if not sure:
        networks.classifier.sharpness.zero_()
    write_model(
        path,
        networks,
        styles=STYLES,
        prototypes=tiny_prototypes(config),
        visual_prototypes=tiny_prototypes(config, seed=2),
        info=INFO,
        graphs=kept_graphs() if graphs and config == TINY else None,
    )
    return path


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A hum of gliding pitch and syllables of changing colour: float32, 16 kHz."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)) / SAMPLE_RATE
    colour = 3 + 2 * np.sin(2 * np.pi * 1.3 * time + rng.uniform(0, 6))
    hum = sum(np.sin(k * phase) * np.exp(-((k - colour) ** 2) / 6) for k in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time + rng.uniform(0, 6)), 0, 1)
    return (0.1 * hum * syllables + 0.001 * rng.standard_normal(len(time))).astype(np.float32)
