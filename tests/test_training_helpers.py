"""The helpers of a training loop: batches moved, grouped and measured, gradients clipped, models compiled."""

from __future__ import annotations

import gc
import io
import json
import logging
import math
import multiprocessing
import re
import subprocess
import sys
from collections import OrderedDict, UserDict, defaultdict
from dataclasses import FrozenInstanceError, dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, IterableDataset

from indexer.errors import SettingsError
from sampler_runtime import training
from sampler_runtime.training import (
    Every,
    Group,
    NormHistory,
    ThroughputMeter,
    ThroughputSummary,
    accumulate,
    clip_gradients,
    every,
    maybe_compile,
    move_to_device,
)
from sampler_runtime.training import memory as memory_module
from sampler_runtime.training import meter as meter_module
from sampler_runtime.training import progress as progress_module
from sampler_runtime.training import transfer as transfer_module
from sampler_runtime.training.counting import samples_of
from sampler_runtime.training.memory import peak_bytes

# A tensor on `meta` has a shape and no values: what asks for a value raises. It is also "another device" for a copy.
META = torch.device("meta")


def test_the_front_door_is_sorted_and_opens_late():
    assert training.__all__ == sorted(training.__all__) == dir(training)
    assert all(getattr(training, name).__doc__ for name in training.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        training.nonsense  # noqa: B018
    code = (
        "import sys; from sampler_runtime.training import Every, every; every(2)(print); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---------------------------------------------------------------------------------------------- move_to_device


class Pair(NamedTuple):
    image: Any
    pid: Any


@dataclass(frozen=True)
class Frozen:
    image: Any
    path: str
    doubled: Any = field(init=False, default=None)

    def __post_init__(self):
        object.__setattr__(self, "doubled", "set once")


@dataclass(slots=True)
class Slotted:
    image: Any
    never_set: Any = field(init=False)


class Encoding(UserDict):
    """As tokenizers give: knows a device, and no `non_blocking`."""

    def to(self, device):
        return Encoding({key: value.to(device) for key, value in self.items()})


class Odd(tuple):
    def __new__(cls, one, two):
        return super().__new__(cls, (one, two))


LEAVES = st.one_of(
    st.none(), st.integers(), st.text(max_size=3), st.builds(lambda n: torch.zeros(n), st.integers(0, 3))
)
NESTED = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.lists(inside, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inside, max_size=3),
        st.builds(Pair, inside, inside),
        st.builds(Frozen, inside, st.just("a.jpg")),
    ),
    max_leaves=12,
)


def same_but_moved(old, new):
    """Whether `new` is `old` on META, and nothing else."""
    assert type(new) is type(old)
    if isinstance(old, torch.Tensor):
        return new.device == META and new.shape == old.shape and old.device.type == "cpu"
    if isinstance(old, dict):
        return list(old) == list(new) and all(same_but_moved(old[key], new[key]) for key in old)
    if isinstance(old, (list, tuple)):
        return len(old) == len(new) and all(map(same_but_moved, old, new))
    if isinstance(old, Frozen):
        return same_but_moved(vars(old), vars(new))
    return new is old


@given(NESTED)
def test_a_moved_batch_keeps_its_structure_and_the_old_one_is_not_touched(batch):
    assert same_but_moved(batch, move_to_device(batch, META))
    assert move_to_device(batch, "cpu") is batch  # nothing to move


def test_mappings_keep_their_type_and_what_else_they_hold():
    ones = torch.ones(2)
    many = defaultdict(list, a=ones)
    moved = move_to_device(many, META)
    assert type(moved) is defaultdict
    assert moved["new"] == []
    assert many["a"].device.type == "cpu"
    for kind in (OrderedDict, UserDict, lambda d: MappingProxyType(dict(d))):
        before = kind({"b": ones, "a": "path"})
        after = move_to_device(before, META)
        assert type(after) is type(before)
        assert list(after) == ["b", "a"]
        assert after["b"].device == META


def test_what_cannot_be_made_anew_becomes_a_plain_one():
    class Sealed(dict):
        def update(self, *_):
            raise RuntimeError("sealed")

    assert type(move_to_device(Sealed(a=torch.ones(1)), META)) is dict
    odd = Odd(torch.ones(1), "a")
    assert type(move_to_device(odd, META)) is tuple
    assert move_to_device(odd, "cpu") is odd


def test_dataclasses_named_tuples_and_lists_of_a_kind():
    class Boxes(list):
        note = None

    boxes = Boxes([torch.ones(1)])
    boxes.note = "kept"
    slotted = Slotted(torch.ones(1))
    moved = move_to_device([boxes, slotted, torch.max(torch.ones(2, 2), 0)], META)

    assert type(moved[0]) is Boxes
    assert moved[0].note == "kept"
    assert moved[1].image.device == META
    assert not hasattr(moved[1], "never_set")
    assert moved[2].indices.device == META
    with pytest.raises(FrozenInstanceError):
        move_to_device(Frozen(torch.ones(1), "a"), META).image = None


def test_what_can_move_itself_is_asked_to():
    packed = pack_sequence([torch.ones(3), torch.ones(1)])
    moved = move_to_device({"words": packed, "encoding": Encoding(ids=torch.ones(1))}, META)

    assert type(moved["words"]) is PackedSequence
    assert moved["words"].data.device == META
    assert type(moved["encoding"]) is Encoding
    assert moved["encoding"]["ids"].device == META
    assert move_to_device(torch.Tensor, META) is torch.Tensor  # a class is no batch


class Told:
    """Remembers what it was told."""

    def __init__(self, pinned):
        self.pinned = pinned

    def is_pinned(self):
        return self.pinned

    def to(self, device, non_blocking=None):
        return (device, non_blocking)


@pytest.mark.parametrize("pinned", [True, False])
def test_only_pinned_memory_is_copied_without_waiting(pinned):
    assert move_to_device(Told(pinned), META) == (META, pinned)
    assert move_to_device(Told(pinned), "cpu") == (torch.device("cpu"), False)
    assert move_to_device(Told(False), META, non_blocking=True) == (META, True)
    assert move_to_device(Told(pinned), META, non_blocking=False) == (META, False)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", None, 1.5])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(SettingsError, match="device: expected one of torch's"):
        move_to_device([], device)


# ------------------------------------------------------------------------------------------------------- every


@given(st.integers(1, 9), st.integers(0, 60), st.booleans())
def test_every_is_due_at_each_nth_call_and_the_first(n, calls, first):
    due = Every(n, first=first)
    told = [due() for _ in range(calls)]

    assert told == [number % n == 0 or (first and number == 1) for number in range(1, calls + 1)]
    assert due.count == calls


def test_a_throttled_function_keeps_its_name_arguments_and_result():
    @every(3)
    def show(step, *, loss):
        """Says it."""
        return f"{step}: {loss}"

    assert [show(step, loss=0.5) for step in range(5)] == ["0: 0.5", None, "2: 0.5", None, None]
    assert (show.__name__, show.__doc__) == ("show", "Says it.")


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "3", None])
def test_every_refuses_what_counts_nothing(n):
    for make in (Every, every):
        with pytest.raises(SettingsError, match="every n: expected an int >= 1"):
            make(n)


# ---------------------------------------------------------------------------------------------------- clipping

READS = {"_local_scalar_dense", "item", "equal", "is_nonzero", "nonzero"}


class Reads(TorchDispatchMode):
    """Counts what brings a value to Python, wherever in torch it is asked for."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in READS:
            self.seen.append(func)
        return func(*args, **(kwargs or {}))


def counted(name, real, seen):
    def call(self, *args, **kwargs):
        seen.append(name)
        return real(self, *args, **kwargs)

    return call


@pytest.fixture
def reads(monkeypatch):
    """The calls of Python that wait for a device, by name."""
    seen = []
    for name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__", "__int__", "__index__"):
        monkeypatch.setattr(torch.Tensor, name, counted(name, getattr(torch.Tensor, name), seen))
    return seen


def parameters(*gradients, device="cpu", dtype=torch.float32):
    found = []
    for values in gradients:
        tensor = nn.Parameter(torch.zeros(len(values), device=device, dtype=dtype))
        tensor.grad = torch.tensor(values, device=device, dtype=dtype)
        found.append(tensor)
    return found


@given(
    st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=4), min_size=1, max_size=4),
    st.floats(1e-2, 1e3),
)
def test_clipping_is_that_of_torch(gradients, limit):
    theirs, ours, tensors = (parameters(*gradients) for _ in range(3))
    norm = nn.utils.clip_grad_norm_(theirs, limit)

    assert torch.equal(clip_gradients(ours, limit), norm)
    assert torch.equal(clip_gradients(iter(tensors), torch.tensor(limit)), norm)
    for one, two, three in zip(theirs, ours, tensors, strict=True):
        assert torch.equal(one.grad, two.grad)
        torch.testing.assert_close(one.grad, three.grad, rtol=1e-5, atol=1e-6)


def test_clipping_and_its_history_never_wait_for_the_device(reads):
    weights, norms = parameters([3.0, 4.0], [12.0]), NormHistory(read_every=5, enough=2)
    with Reads() as inside:
        for _ in range(12):
            clip_gradients(weights, 1.0)
            clip_gradients(weights, norms.quantile(0.1), norms)
    assert reads == []
    assert inside.seen == []

    assert [norms.last for _ in range(3)] == [norms.last] * 3
    assert len(reads) == 1  # read when due, and only then
    with Reads() as inside:
        assert float(norms._newest) == norms.last
    assert inside.seen  # these ways of counting do count


def test_clipping_reads_no_value_at_all():
    """On `meta` there is none to read."""
    weights, norms = parameters([3.0, 4.0], [12.0], device=META), NormHistory()
    for _ in range(3):
        assert clip_gradients(weights, norms.quantile(0.5), norms).device == META
        clip_gradients(weights, 1.0, norms)
    assert norms.quantile(0.5).device == META
    with pytest.raises((RuntimeError, NotImplementedError)):
        norms.last  # noqa: B018


@pytest.mark.parametrize("limit", [math.inf, torch.tensor(math.inf)])
def test_an_infinite_limit_scales_nothing_not_even_beside_an_infinite_norm(limit):
    weights = parameters([3.0, 4.0], [math.inf])

    assert clip_gradients(weights, limit) == math.inf
    assert weights[0].grad.tolist() == [3, 4]


def test_a_limit_of_zero_that_was_measured_gives_zero_and_no_nan():
    weights, still = parameters([3.0, 4.0]), parameters([0.0])
    clip_gradients(weights, torch.tensor(0.0))
    clip_gradients(still, torch.tensor(0.0))

    assert [weights[0].grad.tolist(), still[0].grad.tolist()] == [[0, 0], [0]]


def test_half_precision_keeps_its_type_and_one_parameter_will_do():
    weight = parameters([3.0, 4.0], dtype=torch.bfloat16)[0]
    norms = NormHistory()

    assert clip_gradients(weight, torch.tensor([1.0]), norms) == 5
    assert weight.grad.dtype == torch.bfloat16
    assert abs(float(weight.grad.float().norm()) - 1) < 0.02
    assert norms.to_list() == [5]


def test_without_gradients_the_norm_is_0_and_is_not_kept():
    norms = NormHistory()

    assert clip_gradients([nn.Parameter(torch.ones(2))], 1.0, norms) == 0
    assert clip_gradients([], 1.0, norms) == 0
    assert (norms.count, norms.to_list()) == (0, [])


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, True, "1", None, torch.ones(2)])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(SettingsError, match="max_norm: expected a number above 0"):
        clip_gradients([], limit)


@given(
    st.lists(st.floats(0, 1e6, width=32) | st.just(math.nan) | st.just(math.inf), max_size=30),
    st.integers(1, 8),
    st.floats(0, 1),
)
def test_a_history_is_the_last_norms_and_its_quantiles_theirs(values, length, q):
    norms = NormHistory(length, enough=1)
    for value in values:
        norms.add(torch.tensor(value))
    window = [value for value in values[-length:] if math.isfinite(value)]

    assert norms.to_list() == window
    assert norms.count == len(values)
    expected = torch.quantile(torch.tensor(window), q) if window else torch.tensor(math.inf)
    torch.testing.assert_close(norms.quantile(q), expected, rtol=1e-5, atol=1e-6)


def test_a_threshold_needs_enough_norms():
    norms = NormHistory(enough=3)
    told = []
    for value in (1.0, math.nan, 2.0, 3.0):
        norms.add(torch.tensor(value))
        told.append(float(norms.quantile(0.5)))

    assert told == [math.inf, math.inf, math.inf, 2]


def test_the_last_norm_is_read_when_it_is_due():
    norms, told = NormHistory(length=2, read_every=3), []
    assert math.isnan(norms.last)
    for value in (1.0, 2.0, 3.0, math.inf, 5.0, 6.0, 7.0):
        norms.add(torch.tensor(value))
        told.append(norms.last)

    assert told == [1, 1, 1, math.inf, math.inf, math.inf, 7]  # also one that is not finite: it should be seen


@given(st.integers(0, 12), st.integers(1, 6), st.integers(1, 6), st.integers(0, 8))
def test_a_history_goes_on_where_another_stood(before, length, other_length, after):
    norms, whole = NormHistory(length), NormHistory(other_length, enough=1)
    for value in range(before):
        norms.add(torch.tensor(float(value)))
    whole.load_state_dict(json.loads(json.dumps(norms.state_dict())))
    assert whole.last == before - 1 or not before
    for value in range(before, before + after):
        whole.add(torch.tensor(float(value)))

    expected = [*range(before)[-length:], *range(before, before + after)]
    assert whole.to_list() == expected[-other_length:]


@pytest.mark.parametrize("state", [{}, {"norms": 3}, {"norms": ["a"]}, None, [1.0]])
def test_a_foreign_state_is_refused_and_changes_nothing(state):
    norms = NormHistory()
    norms.add(torch.tensor(1.0))
    with pytest.raises(SettingsError, match=r"expected the state_dict\(\) of a NormHistory"):
        norms.load_state_dict(state)
    assert norms.to_list() == [1]


def test_a_history_refuses_numbers_that_cannot_be():
    for options in ({"length": 0}, {"read_every": 0}, {"enough": 0}, {"length": 2.5}):
        with pytest.raises(SettingsError, match="expected an int >= 1"):
            NormHistory(**options)
    with pytest.raises(SettingsError, match="enough: expected at most length=5, found 6"):
        NormHistory(5, enough=6)
    for q in (-0.1, 1.1, math.nan, "a", True):
        with pytest.raises(SettingsError, match=r"quantile\(q\): expected a number within 0 … 1"):
            NormHistory().quantile(q)


# ------------------------------------------------------------------------------------------------ accumulation


class Lying(list):
    """Says that it is longer or shorter than it is: a loader that was resumed, a stream over several workers."""

    told = 0

    def __len__(self):
        return self.told


@given(st.integers(0, 25), st.integers(1, 7), st.sampled_from(["length", "none", "ahead"]))
def test_groups_partition_any_number_of_batches(total, steps, way):
    batches = range(total) if way != "none" else (number for number in range(total))
    told = list(accumulate(batches, steps, look_ahead=True if way == "ahead" else None))

    assert [batch for batch, _ in told] == list(range(total))
    for number, group in told:
        assert group.position == number % steps
        assert group.size == min(steps, total - number + group.position)
        assert group.is_last == ((number + 1) % steps == 0 or number == total - 1)
    assert sum(group.is_last for _, group in told) == -(-total // steps)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 5))
def test_a_length_that_is_not_true_is_told_or_harmless(real, told, steps):
    batches = Lying(range(real))
    batches.told = told
    if real < told and real % steps:
        with pytest.raises(
            SettingsError, match=f"their len is {told}, but the stream ended after {real}, within a group"
        ):
            list(accumulate(batches, steps))
    else:
        found = list(accumulate(batches, steps))
        ends = [group.is_last for _, group in found]
        assert [batch for batch, _ in found] == list(range(real))
        assert not ends or ends[-1]
        sizes = [group.size for _, group in found if group.is_last]
        assert sum(sizes) == real
    assert [b for b, _ in accumulate(batches, steps, look_ahead=True)] == list(range(real))


def test_looking_ahead_holds_no_more_than_a_group():
    asked = []
    stream = (asked.append(number) or number for number in range(9))
    for number, _ in accumulate(stream, 3):
        assert len(asked) <= number + 3


def test_a_loader_of_a_stream_has_no_length_and_is_looked_ahead_of():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(5))

    sizes = [group.size for _, group in accumulate(DataLoader(Stream(), batch_size=1), 2)]
    assert sizes == [2, 2, 2, 2, 1]


def test_accumulate_refuses_at_once_what_cannot_work():
    with pytest.raises(SettingsError, match="steps: expected an int >= 1, found 0"):
        accumulate([1], 0)
    with pytest.raises(SettingsError, match="expected a DataLoader or an iterable, found int"):
        accumulate(3, 2)
    with pytest.raises(SettingsError, match="look_ahead=False: expected batches with a length"):
        accumulate(iter([1]), 2, look_ahead=False)


def small_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def images_and_pids(batches):
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(batches, 4, 6, generator=generator)
    return list(zip(images, torch.randint(3, (batches, 4), generator=generator), strict=True))


def gradients_by_group(model, wrapped, batches, steps, done=lambda: None):
    """One list of gradients a group, flat."""
    told = []
    for (image, pid), group in accumulate(batches, steps, wrapped):
        with group.sync():
            (nn.functional.cross_entropy(wrapped(image), pid) / group.size).backward()
        if group.is_last:
            told.append(torch.cat([p.grad.flatten() for p in model.parameters()]).tolist())
            model.zero_grad()
            done()
    return told


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_gradients_of_a_group_are_those_of_one_large_batch(steps):
    batches, model = images_and_pids(7), small_model()
    for number, found in enumerate(gradients_by_group(model, model, batches, steps)):
        whole = batches[number * steps :][:steps]
        model.zero_grad()
        image, pid = (torch.cat(parts) for parts in zip(*whole, strict=True))
        nn.functional.cross_entropy(model(image), pid).backward()
        expected = torch.cat([p.grad.flatten() for p in model.parameters()])
        model.zero_grad()
        torch.testing.assert_close(torch.tensor(found), expected)


def test_only_the_last_batch_of_a_group_exchanges_gradients():
    class Model:
        waits = 0

        def no_sync(self):
            self.waits += 1
            return torch.no_grad()  # any context manager

    model, told = Model(), []
    for _, group in accumulate(range(5), 3, model):
        with group.sync():
            told.append(torch.is_grad_enabled())

    assert told == [False, False, True, False, True]
    assert model.waits == 3
    with Group(2, 0).sync():  # no model, nothing to do
        pass


def rank_of_training(number, folder):
    """What a process of DistributedDataParallel computes: its gradients, and how often they were exchanged, to a file."""
    meeting, patience = (folder / "meeting").as_uri(), timedelta(seconds=60)
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=number, world_size=2, timeout=patience)
    try:
        model = small_model()
        wrapped = nn.parallel.DistributedDataParallel(model)
        exchanged, counts = [], []

        def counted(_, bucket):
            exchanged.append(1)
            summed = torch.distributed.all_reduce(bucket.buffer().div_(2), async_op=True).get_future()
            return summed.then(lambda future: future.value()[0])

        wrapped.register_comm_hook(None, counted)
        batches = images_and_pids(10)[number::2]
        told = gradients_by_group(model, wrapped, batches, 2, lambda: counts.append(len(exchanged)))
        (folder / f"{number}.json").write_text(json.dumps([told, counts]))
        torch.distributed.barrier()  # who leaves while the other still comes breaks its connection
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_exchange_once_a_group_and_have_the_gradients_of_one(tmp_path):
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=rank_of_training, args=(1, tmp_path))
    other.start()
    rank_of_training(0, tmp_path)  # this process is one of the two: it has torch already
    other.join(timeout=60)
    assert other.exitcode == 0

    (first, counts), (second, _) = (json.loads((tmp_path / f"{number}.json").read_text()) for number in range(2))
    assert first == second
    assert counts == [1, 2, 3]  # 5 batches a rank in groups of 2, 2 and 1; one bucket
    model = small_model()
    alone = gradients_by_group(model, model, images_and_pids(10), 4)
    torch.testing.assert_close(torch.tensor(first), torch.tensor(alone))


# ------------------------------------------------------------------------------------------------- compilation


class Normed(nn.Module):
    """Everything that a trial could leave behind: running statistics, a buffer that is replaced, random numbers."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("nothing", None)

    def forward(self, batch):
        self.calls = self.calls + 1
        return {"features": self.inside(batch["image"]), "calls": self.calls}


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, logger="reidindex")
    return caplog


class Own(nn.Module):
    """A module whose forward is not torch's own."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, image):
        return self.inside(image)


def state_of(model):
    values = {key: value.clone() for key, value in model.state_dict().items()}
    return values, [None if p.grad is None else p.grad.clone() for p in model.parameters()], torch.get_rng_state()


def assert_same_state(before, after):
    torch.testing.assert_close(before, after, rtol=0, atol=0)


def refuses(graph, inputs):
    """A compiler that cannot."""
    raise NotImplementedError("no tools here\nand much more to read")


@pytest.mark.parametrize("backend", ["aot_eager", refuses])
def test_a_trial_leaves_no_trace_whether_it_works_or_not(backend, log):
    torch.manual_seed(0)
    model, image = Normed(), torch.randn(8, 4)
    model({"image": image})["features"].sum().backward()
    calls, keys = model.calls, list(model.state_dict())
    before = state_of(model)
    found = maybe_compile(model, {"image": image}, backend=backend)

    assert found is model
    assert_same_state(before, state_of(model))
    assert model.calls is calls
    assert list(model.state_dict()) == keys
    assert (model._compiled_call_impl is None) == (backend is refuses)
    assert found({"image": image})["features"].shape == (8, 4)
    [record] = log.records
    if backend is refuses:
        assert record.levelname == "WARNING"
        assert record.message.startswith("torch.compile: not used, the model runs as it is: ")
        assert "NotImplementedError: no tools here" in record.message
        assert "\n" not in record.message
    else:
        assert re.fullmatch(r"torch\.compile: used; the model tried in \d+\.\d s", record.message)


@pytest.mark.parametrize("wrap", [lambda model: model, Own])
def test_a_compiled_model_computes_the_same_and_what_was_tried_is_what_runs(wrap):
    seen = []

    def watching(graph, inputs):
        seen.append(torch.is_grad_enabled())
        return graph.forward

    model, image = wrap(small_model()), torch.randn(5, 6)
    expected = model(image)
    hooks = []
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(hooks.append)  # an optimiser that steps in the backward pass
    compiled = maybe_compile(model, image, backend=watching)

    assert seen == [True]
    assert hooks == []
    assert all(parameter.grad is None for parameter in model.parameters())
    torch.testing.assert_close(compiled(image), expected)
    compiled(image).sum().backward()
    assert seen == [True]
    assert len(list(compiled.parameters())) == 4


def test_many_models_of_torchs_own_classes_are_all_compiled():
    seen = []

    def watching(graph, inputs):
        seen.append(graph)
        return graph.forward

    for width in range(1, 11):  # the compiler gives one function up after 8
        maybe_compile(nn.Sequential(nn.Linear(2, width)), torch.randn(2, 2), backend=watching)
    assert len(seen) == 10


def test_a_backward_that_cannot_be_compiled_is_found(log):
    from torch._dynamo.backends.common import aot_autograd

    def forward(graph, inputs):
        return graph.forward

    backend = aot_autograd(fw_compiler=forward, bw_compiler=refuses)
    model = small_model()

    assert maybe_compile(model, torch.randn(5, 6), backend=backend)._compiled_call_impl is None
    assert "not used" in log.text
    with torch.no_grad():
        frozen = maybe_compile(small_model(), torch.randn(5, 6), backend=backend)
    assert frozen._compiled_call_impl is not None


def test_without_an_example_only_the_tools_are_tried(log):
    found = maybe_compile(small_model(), backend="aot_eager")
    assert found._compiled_call_impl is not None
    assert "the tools, not the model, tried" in log.text
    assert maybe_compile(small_model(), backend=refuses)._compiled_call_impl is None
    assert "not used" in log.text
    assert maybe_compile(small_model(), backend="nonsense")._compiled_call_impl is None


def test_mistakes_that_are_not_the_compilers_are_told():
    with pytest.raises(SettingsError, match="the model cannot take it even uncompiled"):
        maybe_compile(small_model(), torch.randn(5, 7), backend="eager")
    with pytest.raises(SettingsError, match=r"torch\.compile has no such option; did you mean 'backend'"):
        maybe_compile(small_model(), backand="eager")
    with pytest.raises(SettingsError, match=r"expected a torch\.nn\.Module, found function"):
        maybe_compile(refuses)


# ------------------------------------------------------------------------------------------------------- meter


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when a test says so."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

        def tick(self, seconds):
            self.now += seconds

    found = Clock()
    for module in (meter_module, transfer_module, progress_module):
        monkeypatch.setattr(module, "perf_counter", found)
    return found


def slow_loader(clock, batches, seconds):
    for _ in range(batches):
        clock.tick(seconds)
        yield {"image": torch.zeros(32, 3), "path": ["a"] * 32}


def run_of(clock, meter, batches, wait, work, copy=0.0):
    for _ in meter(slow_loader(clock, batches, wait)):
        with meter.transfer():
            clock.tick(copy)
        clock.tick(work)


def test_a_meter_tells_speed_waiting_and_copies_without_the_warm_up(clock):
    meter = ThroughputMeter("cpu", skip=3)
    run_of(clock, meter, 3, 50.0, 50.0, copy=9.0)  # slow, and skipped
    clock.tick(1000)  # between two epochs: not training
    run_of(clock, meter, 10, 0.1, 0.2, copy=0.1)
    run_of(clock, meter, 10, 0.1, 0.2, copy=0.1)
    found = meter.summary()

    assert (found.steps, found.skipped, found.samples) == (20, 3, 640)
    assert found.seconds == pytest.approx(8)
    assert found.its_per_second == pytest.approx(2.5)
    assert found.samples_per_second == pytest.approx(80)
    assert found.wait_share == pytest.approx(0.25)
    assert found.transfer_ms == pytest.approx(100)
    assert found.peak_gib > 0.01
    line = re.sub(r"[\d.]+ GiB", "1.00 GiB", str(found))
    assert line == (
        "2.50 it/s · 80.0 samples/s · 25.0 % waiting for data · 100 ms transfer a batch · "
        "1.00 GiB peak memory of process · 20 batches in 8.00 s, after 3 skipped"
    )


def test_two_runs_compare_in_one_line(clock):
    slow, fast = ThroughputMeter("cpu", skip=0), ThroughputMeter("cpu", skip=0)
    run_of(clock, slow, 10, 0.3, 0.1, copy=0.1)
    run_of(clock, fast, 10, 0.0, 0.1, copy=0.1)
    one, two = (ThroughputSummary(**{**m.summary().to_json(), "peak_bytes": 2**30}) for m in (slow, fast))

    assert two.against(one) == (
        "it/s ×2.50 (5.00, was 2.00) · samples/s ×2.50 (160, was 64.0) · waiting for data 0.0 % (was 60.0 %) · "
        "ms transfer a batch ×1.00 (100, was 100) · GiB peak memory ×1.00 (1.00, was 1.00)"
    )
    assert ThroughputSummary.from_json(json.loads(json.dumps(one.to_json()))) == one
    with pytest.raises(FrozenInstanceError):
        one.steps = 3
    with pytest.raises(SettingsError, match="expected a ThroughputSummary, found float"):
        one.against(2.0)
    with pytest.raises(SettingsError, match="from_json: expected the fields device, peak_bytes"):
        ThroughputSummary.from_json({"steps": 3})


def test_what_is_not_known_is_left_out_of_the_line(clock):
    meter = ThroughputMeter("cpu", skip=0)
    assert str(meter.summary()) == "no batch was measured: 0 skipped for warming up"
    nothing = meter.summary()
    for _ in meter([7, 8]):
        clock.tick(1)
    found = ThroughputSummary(**{**meter.summary().to_json(), "peak_bytes": None})

    assert str(found) == "1.00 it/s · 0.0 % waiting for data · 2 batches in 2.00 s, after 0 skipped"
    assert found.against(found) == "it/s ×1.00 (1.00, was 1.00) · waiting for data 0.0 % (was 0.0 %)"
    assert found.against(nothing) == "nothing to compare: one of the runs measured no batch"
    assert math.isnan(nothing.its_per_second)


def test_a_loop_that_is_left_counts_the_batch_it_was_left_in(clock):
    meter = ThroughputMeter("cpu", skip=0)
    for number, _ in enumerate(meter(slow_loader(clock, 9, 0.5))):
        clock.tick(0.5)
        if number == 3:
            break
    gc.collect()

    assert (meter.summary().steps, meter.summary().seconds) == (4, 4)


def test_a_metered_loader_is_as_long_as_the_loader_and_can_be_grouped():
    meter = ThroughputMeter("cpu", skip=0, count=lambda batch: 7)
    assert len(meter(range(5))) == 5
    with pytest.raises(TypeError, match="has no length"):
        len(meter(iter([])))
    assert [group.size for _, group in accumulate(meter(range(5)), 2)] == [2, 2, 2, 2, 1]
    assert [group.size for _, group in accumulate(meter(iter(range(3))), 2)] == [2, 2, 1]
    assert meter.summary().samples == 8 * 7


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (torch.zeros(5, 2), 5),
        ([torch.zeros(5, 2), torch.zeros(5)], 5),  # what a DataLoader makes of tuples
        (Pair({"rgb": torch.zeros(4)}, torch.zeros(9)), 4),
        (Frozen(["a", "b", "c"], "x"), 3),
        ((torch.tensor(1.0), torch.zeros(6)), 6),
        ({"paths": ["a", "b"], "image": torch.zeros(3)}, 2),
        ((torch.zeros(8, 2), Group(2, 0)), 8),
        ([], None),
        ("word", None),
        ({"loss": torch.tensor(1.0)}, None),
    ],
)
def test_the_samples_of_a_batch_are_found(batch, samples):
    assert samples_of(batch) == samples


def test_the_meter_refuses_what_cannot_be_measured():
    with pytest.raises(SettingsError, match="skip: expected an int >= 0, found -1"):
        ThroughputMeter("cpu", skip=-1)
    for refresh in (0, -1, math.inf, math.nan, "2"):
        with pytest.raises(SettingsError, match="refresh: expected a number of times a second"):
            ThroughputMeter("cpu", refresh=refresh)
    with pytest.raises(SettingsError, match="device: expected one of torch's"):
        ThroughputMeter("gpu")
    with pytest.raises(SettingsError, match="expected a DataLoader or an iterable, found int"):
        ThroughputMeter("cpu")(3)
    if not torch.cuda.is_available():
        assert ThroughputMeter().device.type == "cpu"
        with pytest.raises(SettingsError, match="this torch sees no CUDA"):
            ThroughputMeter("cuda")


def test_on_cuda_events_measure_copies_and_the_device_is_waited_for_twice_a_loop(clock, monkeypatch):
    """A stand-in for CUDA: its events pass only later, and it counts who waits."""
    waited, events = [], []

    class Event:
        passed = False

        def __init__(self, enable_timing):
            assert enable_timing
            events.append(self)

        def record(self, stream):
            self.at = len(events)

        def query(self):
            return self.passed

        def synchronize(self):
            waited.append("event")
            for event in events:
                event.passed = True

        def elapsed_time(self, end):
            assert self.passed
            return 4.0

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "stream")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**30)

    def synchronise(device):
        waited.append(str(device))
        clock.tick(2)  # what the device still had to do

    monkeypatch.setattr(torch.accelerator, "synchronize", synchronise)
    meter = ThroughputMeter("cuda:0", skip=2)
    run_of(clock, meter, 6, 0.5, 0.5)
    assert waited == ["cuda:0", "cuda:0"]

    found = meter.summary()
    assert waited[2:] == ["event"]
    assert (found.seconds, found.transfer_seconds) == (6, pytest.approx(0.016))
    assert "3.00 GiB peak memory of cuda:0" in str(found)
    assert meter.summary() == found


def test_memory_is_that_of_the_process_where_the_system_tells(monkeypatch):
    def windows(name):
        if name == "resource":
            raise ImportError(name)
        return psutil

    class Psutil:
        class Process:
            def memory_info(self):
                return self

            peak_wset = 123

    psutil: Any = Psutil
    assert 2**24 < peak_bytes(torch.device("cpu")) < 2**40
    monkeypatch.setattr(memory_module.importlib, "import_module", windows)
    assert peak_bytes(torch.device("cpu")) == 123
    psutil = None
    assert peak_bytes(torch.device("cpu")) is None


class Terminal(io.StringIO):
    def __init__(self, is_one):
        super().__init__()
        self.is_one, self.draws = is_one, 0

    def isatty(self):
        return self.is_one

    def flush(self):
        self.draws += 1


@pytest.fixture
def stderr(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def stderr(is_one):
        found = Terminal(is_one)
        monkeypatch.setattr(sys, "stderr", found)
        return found

    return stderr


def test_progress_in_a_log_is_a_plain_line_once_a_minute(clock, stderr):
    out = stderr(False)
    meter = ThroughputMeter("cpu", skip=0, progress=True)
    for _ in meter([torch.zeros(2)] * 100):
        clock.tick(1.0)

    assert out.getvalue() == "60/100 1 it/s, 0 % waiting for data\n"


def test_progress_on_a_terminal_is_drawn_at_its_rate_and_not_more(clock, stderr):
    out = stderr(True)
    meter = ThroughputMeter("cpu", skip=2, progress=True, refresh=4)
    seen = set()
    for _ in meter([torch.zeros(2)] * 1000):
        clock.tick(0.01)
        seen.add(out.draws)
    text = out.getvalue()

    assert "1000/1000" in text
    assert "100 it/s, 0 % waiting for data" in text
    assert len(seen) <= 10 / 0.25 + 2
    assert "\x1b[?25h" in text  # the cursor is shown again


def test_a_loop_that_fails_leaves_the_terminal_as_it_was(clock, stderr):
    out = stderr(True)

    def loop():
        for _ in ThroughputMeter("cpu", progress=True)([1, 2, 3]):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()
    gc.collect()
    assert "\x1b[?25h" in out.getvalue()


def test_without_progress_nothing_is_written(stderr):
    out = stderr(True)
    for _ in ThroughputMeter("cpu")([1, 2, 3]):
        pass
    assert out.getvalue() == ""
