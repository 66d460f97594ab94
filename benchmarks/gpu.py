"""Everything that needs a GPU, in slices of minutes that resume. On a machine with a GPU, in the checkout:

    pip install -e '.[test,peers]'
    python -m benchmarks.gpu --results gpu --data-root data      # again and again, until it says: all slices are done

Each start works for at most ``--minutes`` (9 by default). Each slice writes ``gpu/SLICE.json`` as it ends, and a slice
that has its file is skipped. Trainings go on from their checkpoints; their records and pages lie under ``gpu/``.
``--only WORD`` takes only the slices with that word in their name: contract, throughput, peers, ranking, reranking,
training. ``--device cpu`` runs the same at small sizes, which shows that the file works and nothing else. Nothing of
this has been run on a GPU yet.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import peers
from benchmarks.speed import machine_line
from harness import registry
from harness.evaluation import rerank, score
from harness.files.atomic import write_json
from harness.machine.device import choose_device
from harness.machine.precision import bfloat16_helps
from harness.measure.in_turns import IDENTITIES
from harness.measure.latency import seconds_taken
from harness.method import Method
from harness.recipe import Profile, Recipe
from harness.training.batches import Input, TrainingData
from harness.training.loop import train
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step

ROOT = Path(__file__).parents[1]
SECONDS_TO_STOP = 60
"""Left to a training to write its checkpoint and end."""


@dataclass(frozen=True)
class Effort:
    """Sizes of the work: those of the papers on a GPU, small ones on a CPU."""

    profile: Profile
    dataset: str
    iterations: int
    turns: int
    queries: int
    gallery: int
    dimensions: int
    contract: str
    """Which contract tests to run, as ``pytest -k`` reads it."""
    train: tuple[tuple[str, str], ...]
    """Tables and rows to train."""


ON_GPU = Effort(
    "paper", "market1501", 30, 5, 3_368, 15_913, 2_048, "",
    (("bot_tricks", "+center loss"), ("pcb_main", "PCB"), ("mpn_ablation", "MPN")),
)  # fmt: skip
ON_CPU = Effort(
    "demo", "synthetic", 2, 1, 84, 400, 64, "embeds_a_row_per_image", (("ide_main", "IDE (ResNet-50), Euclidean"),)
)


@dataclass(frozen=True)
class Work:
    """What a slice is given."""

    machine: Machine
    effort: Effort
    folder: Path
    data_root: Path
    deadline: float
    """Of ``time.monotonic``: when a process that the slice starts is asked to stop."""

    @property
    def seconds_left(self) -> float:
        """Until the deadline."""
        return max(1.0, self.deadline - time.monotonic())


Slice = Callable[[Work], dict[str, Any] | None]
"""Does its work and returns what to record; None if it must go on at the next start."""


def slices(effort: Effort) -> dict[str, Slice]:
    """Every slice by name, in order."""
    methods = list(registry.methods().values())
    names = dict.fromkeys(method.id for method in methods) if not effort.contract else {"ide": None}
    return {
        **{f"contract-{name}": partial(contract, name) for name in names},
        **{f"throughput-{method.id}": partial(throughput, method) for method in methods},
        "peers": peers_steps,
        "ranking": ranking,
        "reranking": reranking,
        **{f"training-{table}": partial(training, table, row) for table, row in effort.train},
    }


def contract(method: str, work: Work) -> dict[str, Any] | None:
    """The contract tests of a method, slow ones too, on the device."""
    chosen = f"{method} and {work.effort.contract}" if work.effort.contract else method
    command = [sys.executable, "-m", "pytest", "tests/methods/test_contract.py", "-n0", "-q", "-k", chosen, "-m", ""]
    environment = {**os.environ, "HARNESS_TEST_DEVICE": str(work.machine.device)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=work.seconds_left, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return {"passed": done.returncode == 0, "end": done.stdout.splitlines()[-30:]}


def throughput(method: Method, work: Work) -> dict[str, Any]:
    """Images/s of the training loop and of the bare step, and of the step without what makes it deterministic.

    ``cost_of_determinism`` is the share of speed that deterministic algorithms and ``cudnn.benchmark = False`` take.
    """
    subject = _Subject(method, work)
    speeds: dict[str, list[float]] = {"loop": [], "step": [], "step, not deterministic": [], "step, searched": []}
    subject.step_speed()
    for turn in range(work.effort.turns):
        speeds["loop"].append(subject.loop_speed(work.folder / f"{method.id}-{turn}.checkpoint"))
        speeds["step"].append(subject.step_speed())
        with _allowing(deterministic=False, search=False):
            speeds["step, not deterministic"].append(subject.step_speed())
        with _allowing(deterministic=False, search=True):
            subject.step_speed(1)  # cuDNN tries its algorithms here
            speeds["step, searched"].append(subject.step_speed())
    found = {name: median(values) for name, values in speeds.items()}
    return {
        "images_per_second": found,
        "loop_to_step": _median_ratio(speeds["loop"], speeds["step"]),
        "cost_of_determinism": 1 - _median_ratio(speeds["step"], speeds["step, searched"]),
        "batch": subject.batch_size,
        "size": [subject.recipe.height, subject.recipe.width],
        "backbone": subject.recipe.backbone,
    }


def _median_ratio(speeds: Sequence[float], others: Sequence[float]) -> float:
    return median(speed / other for speed, other in zip(speeds, others, strict=True))


@contextmanager
def _allowing(deterministic: bool, search: bool) -> Iterator[None]:
    """Compute without deterministic algorithms, or let cuDNN search for the fastest."""
    before = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.backends.cudnn.benchmark = search
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = before


class _Subject:
    """A method by its paper's recipe, with a training set of noise in memory and one batch on the device."""

    def __init__(self, method: Method, work: Work) -> None:
        switches, self.machine = method.switches(), work.machine
        whole = method.recipe(switches, work.effort.dataset, work.effort.profile)
        self.recipe: Recipe = dataclasses.replace(whole, epochs=1)
        self.batch_size = whole.sampler.batch_size
        self.iterations = work.effort.iterations
        torch.manual_seed(0)
        self.model = self.machine.place(method.build(switches, IDENTITIES, whole.backbone))
        self.data = _made_up(self.recipe, method.priors(switches).training, self.iterations)
        feed = Input(self.data, self.recipe, 0, self.machine.device)
        self.batch = next(iter(feed.batches(0, feed.rows(0))))
        self.optimiser = build_optimiser(self.model, self.recipe.optimiser)

    def step_speed(self, steps: int | None = None) -> float:
        """Images/s of steps on the batch that lies on the device."""
        steps = steps or self.iterations
        self.model.train()

        def take_steps() -> None:
            for _ in range(steps):
                training_step(self.model, self.batch, self.optimiser, self.machine)

        return steps * self.batch_size / seconds_taken(take_steps, self.machine.device)

    def loop_speed(self, checkpoint: Path) -> float:
        """Images/s of an epoch of the training loop."""
        try:
            log = train(self.model, self.data, self.recipe, 0, self.machine, checkpoint, lambda *_: None)
        finally:
            for written in checkpoint.parent.glob(f"{checkpoint.name}*"):
                written.unlink()
        return log["images_per_second"][0]


def _made_up(recipe: Recipe, priors: Sequence[str], iterations: int) -> TrainingData:
    """Noise for an epoch of about that many iterations, with the priors that the method trains with."""
    rng = np.random.default_rng(0)
    translation = recipe.augmentation.translation
    each = 8
    count = max(iterations * recipe.sampler.batch_size // (1 + (translation.copies if translation else 0)), 8 * each)
    count += -count % (each * 2) + 2 * each
    kinds: dict[str, Any] = {
        "parsing": np.zeros((count, 64, 32), np.int64),
        "segmentation": np.zeros((count, 64, 32), bool),
        "keypoints": rng.random((count, 17, 3), np.float32),
        "infrared": np.arange(count) % 2 == 1,
    }
    return TrainingData(
        rng.integers(0, 256, (count, recipe.height, recipe.width, 3), np.uint8),
        np.arange(count) // each % IDENTITIES,
        np.ones(count, np.int64),
        {kind: kinds[kind] for kind in sorted(priors)},
    )


def peers_steps(work: Work) -> dict[str, Any]:
    """Images/s of the steps of torchreid (float32, as it comes) and of timm's ResNet (our precision), in turns."""
    small = work.effort is ON_CPU
    depth, batch, size = (18, 8, (64, 32)) if small else (50, 64, (256, 128))
    device = work.machine.device
    images, labels = peers.noise(batch, *size, IDENTITIES, device)
    steps: dict[str, Callable[[], Any]] = {}
    if peers.installed("timm"):
        steps["timm"] = _timm_step(depth, images, labels, work.machine)
    if peers.installed("torchreid"):
        engine = peers.torchreid_engine(depth, IDENTITIES, device)
        steps["torchreid"] = lambda: peers.torchreid_step(engine, images, labels)
    speeds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(work.effort.turns + 1):
        for name, step in steps.items():
            seconds = seconds_taken(lambda step=step: [step() for _ in range(work.effort.iterations)], device)
            if turn:  # the first warms up
                speeds[name].append(work.effort.iterations * batch / seconds)
    return {"images_per_second": {name: median(values) for name, values in speeds.items()}, "batch": batch}


def _timm_step(depth: int, images: torch.Tensor, labels: torch.Tensor, machine: Machine) -> Callable[[], None]:
    """A step of timm's ResNet with the last stage at the size of the one before, channels last."""
    import timm

    network = timm.create_model(f"resnet{depth}", num_classes=IDENTITIES, output_stride=16)
    network = network.to(machine.device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(network.parameters(), 3e-4)
    images = images.to(memory_format=torch.channels_last)

    def step() -> None:
        with machine.autocast():
            logits = network(images)
        optimiser.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return step


def _test_set(work: Work, dimensions: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    effort, device = work.effort, work.machine.device
    return tuple(torch.randn(rows, dimensions, device=device) for rows in (effort.queries, effort.gallery))


def ranking(work: Work) -> dict[str, Any]:
    """Seconds from features on the device to all metrics, and of the bare product."""
    query, gallery = _test_set(work, work.effort.dimensions)
    rng = np.random.default_rng(0)
    people = max(2, work.effort.gallery // 20)
    ids = [rng.integers(0, people, len(features)) for features in (query, gallery)]
    cameras = [rng.integers(1, 7, len(features)) for features in (query, gallery)]
    return _seconds_in_turns(
        work,
        {"ours": lambda: score(query, gallery, *ids, *cameras), "bare product": lambda: torch.mm(query, gallery.T)},
    )


def reranking(work: Work) -> dict[str, Any]:
    """Seconds of re-ranking of features on the device, and of the bare product of all by all."""
    query, gallery = _test_set(work, work.effort.dimensions // 4)
    together = torch.cat([query, gallery])
    return _seconds_in_turns(
        work, {"ours": lambda: rerank(query, gallery), "bare product": lambda: torch.mm(together, together.T)}
    )


def _seconds_in_turns(work: Work, actions: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(work.effort.turns + 1):
        for name, action in actions.items():
            taken = seconds_taken(action, work.machine.device)
            if turn:  # the first warms up
                seconds[name].append(taken)
    return {"seconds": {name: median(values) for name, values in seconds.items()}}


def training(table: str, row: str, work: Work) -> dict[str, Any] | None:
    """A cell trained by the ordinary command, which is asked to stop at the deadline and goes on later.

    It starts from scratch unless ImageNet weights are found.
    """
    effort = work.effort
    results = work.folder / "results"
    command = [sys.executable, "-m", "harness.run", "--table", table, "--row", row, "--dataset", effort.dataset]
    command += ["--profile", effort.profile, "--device", str(work.machine.device), "--results", str(results)]
    command += ["--report", str(work.folder / "reports"), "--data-root", str(work.data_root)]
    if effort is ON_CPU:
        command += ["--set", "recipe.epochs=1"]
    with (work.folder / f"{table}.log").open("a") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            code = process.wait(work.seconds_left)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS_TO_STOP)
            return None
    return {"exit_code": code, "results": str(results), "command": command}


def main(arguments: list[str] | None = None) -> int:
    """Run slices until the time is up. Returns 0 if all are done, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("gpu"), help="folder of the slices' files")
    parser.add_argument("--data-root", type=Path, default=Path(os.environ.get("HARNESS_DATA_ROOT", "data")))
    parser.add_argument("--device", help="cpu, cuda or cuda:N (default: a GPU if there is one)")
    parser.add_argument("--minutes", type=float, default=9, help="time for one start")
    parser.add_argument("--only", default="", help="only slices with this in their name")
    asked = parser.parse_args(arguments)
    device = choose_device(asked.device)
    machine = Machine.of(device, bfloat16_helps(device))
    effort = ON_CPU if machine.device.type == "cpu" else ON_GPU
    folder = asked.results.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(machine, effort, folder, asked.data_root.resolve(), time.monotonic() + 60 * asked.minutes)
    wanted = {name: run for name, run in slices(effort).items() if asked.only in name}
    left = [name for name in wanted if not (folder / f"{name}.json").exists()]
    for name in list(left):
        if time.monotonic() >= work.deadline:
            break
        started = time.monotonic()
        found = wanted[name](work)
        if found is None:
            print(f"{name}: not done yet")
            break
        facts = {"machine": machine_line(device, machine.bfloat16), "seconds": time.monotonic() - started}
        write_json(folder / f"{name}.json", {"slice": name, **facts, **found})
        left.remove(name)
        print(f"{name}: {found}", flush=True)
    print(f"start again: {len(left)} slices are left" if left else "all slices are done")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
