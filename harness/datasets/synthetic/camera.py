"""A camera: its place, the scene before it, and its sensor."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from harness.datasets.synthetic.court import paint_court
from harness.datasets.synthetic.edition import Difficulty
from harness.datasets.synthetic.flavour import Flavour
from harness.datasets.synthetic.scenery import Scene, paint_snowy_street, paint_street

PAINTERS = {"street": paint_street, "snowy street": paint_snowy_street, "court": paint_court}


@dataclass(frozen=True)
class Camera:
    """One camera, numbered from 1. Angles are in radians.

    ``gains`` (3,) multiplies red, green and blue (tint and exposure). ``softness`` is the blur's radius in pixels of
    the final image. ``zoom`` scales people in their boxes. ``heading`` is the yaw of most passages.
    """

    number: int
    scene: Scene
    heading: float
    pitch: float
    zoom: float
    light: float
    gains: NDArray[np.float64]
    contrast: float
    saturation: float
    gamma: float
    softness: float
    noise: float
    jpeg_quality: int


def build_camera(seed: int, number: int, difficulty: Difficulty, flavour: Flavour, canvas: tuple[int, int]) -> Camera:
    """Camera ``number`` of an edition.

    Args:
        seed: The edition's seed.
        number: The camera's number, from 1.
        difficulty: The edition's difficulty.
        flavour: The edition's flavour: kind of place and light.
        canvas: Rows and columns of a canvas in pixels. The scene is painted larger.
    """
    rows, columns = canvas
    rng, scene_rng = np.random.default_rng((seed, 1, number)).spawn(2)
    strength = difficulty.lighting
    tint = np.exp(rng.normal(0, 0.03, 3) * strength)
    exposure = np.exp(rng.uniform(-0.15, 0.12) * strength)
    return Camera(
        number=number,
        scene=PAINTERS[flavour.place](scene_rng, number - 1, int(1.2 * rows), 6 * columns, difficulty.clutter),
        heading=float((number - 1) * pi / 3 + rng.normal(0, 0.2)),
        pitch=float(rng.uniform(0.02, 0.3)),
        zoom=float(rng.uniform(0.92, 1.02)),
        light=float(rng.choice([-1.0, 1.0])),
        gains=tint / tint.mean() * exposure * np.array(flavour.light),
        contrast=float(np.exp(rng.normal(0, 0.08) * strength)),
        saturation=float(np.exp(rng.normal(-0.08, 0.1) * strength)),
        gamma=float(np.exp(rng.normal(0, 0.07) * strength)),
        softness=float(rng.uniform(0.25, 0.85)),
        noise=float(rng.uniform(2.0, 6.5)) * difficulty.noise,
        jpeg_quality=int(rng.integers(55, 88)),
    )


def focus(camera: Camera, light: Image.Image, rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur four channels of light by the lens: (rows, columns, 4) in 0..1."""
    radius = camera.softness * float(rng.uniform(0.7, 1.4))
    return np.asarray(light.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / np.float32(255)


def expose(camera: Camera, light: NDArray[np.float32], rng: np.random.Generator, sunlight: float) -> Image.Image:
    """The RGB photograph, after tint, tone, noise and compression.

    Args:
        camera: The camera.
        light: Light on the sensor, (rows, columns, 3) in 0..1.
        rng: Random numbers of the sensor.
        sunlight: Multiplies the exposure.
    """
    values = light ** np.float32(camera.gamma)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + np.float32(camera.saturation) * (values - grey)
    values = (values * (camera.gains * sunlight).astype(np.float32) - 0.45) * np.float32(camera.contrast) + 0.45
    return _record(255 * values, camera.noise, camera.jpeg_quality, rng)


def expose_infrared(camera: Camera, light: NDArray[np.float32], rng: np.random.Generator) -> Image.Image:
    """The grey infrared photograph of reflected light (rows, columns), lit by the camera's own lamp."""
    rows, columns = light.shape
    away = np.hypot(np.linspace(-0.8, 0.8, rows)[:, None], np.linspace(-0.5, 0.5, columns)[None, :])
    lamp = (255 * rng.uniform(0.85, 1.15) * (1.1 - 0.45 * away)).astype(np.float32)
    return _record(light * lamp, 1.6 * camera.noise, camera.jpeg_quality, rng)


def _record(values: NDArray[np.float32], noise: float, quality: int, rng: np.random.Generator) -> Image.Image:
    """Add sensor noise to values 0..255, and compress them as JPEG."""
    noisy = values + noise * rng.standard_normal(values.shape, dtype=np.float32)
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)
