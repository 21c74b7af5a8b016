"""What both notebooks do: read a text, train on it, log, plot, write, and stop."""

import contextlib
import re
from string import digits, printable
from types import SimpleNamespace

import notebooks as nb
import numpy as np
import pytest
import torch
from conftest import savefig, small_notebook
from describe import describe
from matplotlib.figure import Figure
from notebooks import Notebook, curves
from torch.nn import functional as F


def test_what_is_kept_of_a_text_and_its_last_tenth_is_held_back(fresh):
    original = "\ufeff‘a’ ‚b‘ “c” „d“ a‐b‑c–d—e−f • café cafe\u0301 1½ … x² ﬁn"
    original += " a \u00a0b\u202fc\n\t你好 мир 🙂"
    converted = "'a' 'b' \"c\" \"d\" a-b-c-d-e-f * cafe cafe 11/2 ... x2 fin a b c\n\t "
    assert fresh["to_printable"](original) == converted
    text, cut = fresh["text"], len(fresh["text"]) * 9 // 10
    assert (fresh["training_text"], fresh["test_text"]) == (text[:cut], text[cut:])
    indices = [printable.index(char) for char in text[cut:]]
    assert fresh["test_inputs"].tolist() == indices[:-1], "of the test loss"
    assert fresh["test_targets"].tolist() == indices[1:], "of the test loss"


def test_the_baselines_of_a_text_half_of_which_is_a(small):
    small["training_text"] = "abac" * 100
    small.run("baselines")
    nats = np.log(100), 1.5 * np.log(2), np.log(2) / 2
    assert [*small["baselines"].values()] == pytest.approx(nats, abs=0.01)


def test_a_text_that_is_refused_replaces_nothing(tmp_path):
    notebook, file = Notebook(nb.LESSON, "portions"), tmp_path / "own.txt"
    before, size = dict(notebook), "TEXT_PORTION_SIZE.* 2789"
    short, own, mir = "x" * 2900, "x" * 3100, "мир x" * 9000  # most of it is dropped
    cases = (short, 200, "3,000"), (mir, 9, "Latin"), (own, 2790, size), (own, 0, size)
    for text, portion, named in cases:
        file.write_text(text, encoding="utf-8")
        notebook.update(TEXT_FILE=str(file), TEXT_PORTION_SIZE=portion)
        with pytest.raises(ValueError, match=named):
            notebook.run("text")
            pytest.fail(f"{len(text)} characters, portions of {portion}: refuse it.")
        for name in ("training_text", "test_text"):
            assert notebook[name] == before[name], f"Refused, but it replaces {name}."
    notebook["TEXT_PORTION_SIZE"] = 2789
    notebook.run("text")
    assert notebook["training_text"] == "x" * 2790, "3,100 characters are enough."


@pytest.mark.parametrize("portion_size", [1, 4, 9])
def test_portions_start_wherever_they_fit(fresh, portion_size):
    rng = np.random.default_rng(0)
    drawn = [fresh["draw_example"](digits, portion_size, rng) for _ in range(500)]
    for inputs, targets in drawn:
        start = inputs[0].item()  # the index of a digit is the digit
        assert inputs.tolist() == [*range(start, start + portion_size)], "a portion"
        assert torch.equal(targets, inputs + 1), "A target is what follows its input."
    starts = {inputs[0].item() for inputs, _ in drawn}
    assert starts == set(range(10 - portion_size)), "A portion can start anywhere."


def test_what_is_written_follows_from_all_before_it(fresh):
    """With each character that it reads, this model finds other letters likelier."""
    five, gradients = torch.tensor([1.0, 0.5, 0.0, -0.5, -1.0]), set()

    def moving(characters, *states):
        """Return logits by how many characters have been read; this is each state."""
        gradients.add(torch.is_grad_enabled())
        n = len(characters) + (states[0] if states else 0)
        logits = torch.full((len(characters), 100), -torch.inf)
        logits[-1, 10:15] = five.roll(n)
        return logits, *([n] * (len(states) or 1))

    moving.init_zero_state = lambda: (0, 0)  # of the lesson
    torch.manual_seed(0)
    written = fresh["generate"](moving, "\t\r\x0b\x0c\n", 5000, 0.5)
    assert written.startswith("\t\r\x0b\x0c\n") and len(written) == 5005
    assert gradients == {False}, "Writing should store no gradients."
    places = [("abcde".index(char) - n) % 5 for n, char in enumerate(written) if n > 4]
    shares = [places.count(place) / 5000 for place in range(5)]
    expected = pytest.approx(torch.softmax(five / 0.5, dim=0).tolist(), abs=0.03)
    assert shares == expected, "softmax of logits / T, after the prime and all since"


def test_what_cannot_be_written_is_refused(fresh):
    cases = ("th", 0, "."), ("th", -0.5, "."), ("", 0.8, "."), ("é", 1, "é")
    for prime, temperature, named in cases:
        with pytest.raises(ValueError, match=named):
            fresh["generate"](fresh["model"], prime, 5, temperature)
            pytest.fail(f"Refuse the prime {prime!r} at T = {temperature}.")


def test_the_losses_are_those_of_the_lecture(name, tmp_path):
    notebook = small_notebook(name, tmp_path)
    notebook.run("train")
    expected = pytest.approx(nb.lecture_losses(notebook, 7), abs=1e-4)
    assert notebook["losses"] == expected, "Look at portion, state, and gradient."


def test_no_other_cell_has_a_part_in_the_training(small):
    """The others run in order and backwards, and print no control characters raw."""
    small.run("generate", "train")  # the real one draws random numbers
    others = small.between("train")
    small.run(*others, *others[::-1])
    raw = [cell for cell in small.out if re.search("[\t\r\x0b\x0c]", small.out[cell])]
    assert not raw, f"Translate by SIGNS what these cells print: {raw}"
    small.run("train")
    losses = small["losses"]
    small.run("setup", "train", "train")
    assert small["losses"] == losses, "Trained alone, it ends with other losses."


def test_the_log_and_the_samples(small):
    """After 48 made-up losses: at 50, which is a stage, each eighth, and the last."""
    inputs, targets = (small[key][:9] for key in ("test_inputs", "test_targets"))
    losses, samples, expected = [9.0] * 44 + [2.0] * 4, [], {}

    def generate(*asked):
        """Note what is asked for, and what should be logged now; return a sample."""
        samples.append(asked)
        logits, _ = read(small["model"], inputs)
        n, test_loss = len(losses), F.cross_entropy(logits, targets).item()
        expected[n] = losses[-1], np.mean(losses[n * 9 // 10 :]), test_loss
        return f"written\x0b at {n}"

    read = small.get("read_along", lambda model, inputs: model(inputs))
    small.update(test_inputs=inputs, test_targets=targets, NUM_ITER=25, LOG_EVERY=8)
    clock = SimpleNamespace(perf_counter=lambda: 60 * len(losses))  # seconds
    small.update(losses=losses, generate=generate, time=clock)
    out = small.run("train")
    assert list(expected) == [50, 56, 64, 72, 73], "when it logs"
    assert {*samples} == {(small["model"], "The ", 33, 0.5)}, "of what each sample is"
    assert small["samples"] == {n: f"written\x0b at {n}" for n in expected}
    for n, numbers in expected.items():
        assert nb.log_entries(out).get(n) == pytest.approx(numbers, abs=0.006), n
        assert small["test_losses"][n] == pytest.approx(numbers[2], abs=1e-4)
        assert re.search(rf"\b{n}\b.*\b{n - 48}\.0 min", out), "a minute an iteration"
        assert re.search(rf"\b{n}\b.*\nwritten↧ at {n}\n", out), "its sample, printed"


@pytest.mark.parametrize("where, num_done", [("draw_example", 5), ("generate", 3)])
def test_an_interrupt_loses_nothing(small, where, num_done):
    function = small[where]

    def interrupt(*args):
        """Interrupt once, as ■ does; then, the function is itself again."""
        if len(small["losses"]) == num_done:
            small[where] = function
            raise KeyboardInterrupt("by a test")
        return function(*args)

    small[where] = interrupt
    assert re.search(rf"(?i)interrupt.*\b{num_done}\b", small.run("train"))
    shown = curves(small.axes("train"))["one portion"]
    assert shown == small["losses"], "The last plot shows all."
    small.run("train")
    whole = Notebook(small.name, "train", **small.settings)
    whole.update(NUM_ITER=num_done + 7, generate=lambda *_: "")
    whole.run("train")
    assert small["losses"] == whole["losses"], "It should go on where it stopped."


@pytest.mark.parametrize("num_done", [3, 7])
def test_a_kept_network_is_loaded_in_place_of_training(small, num_done, tmp_path):
    """README's line keeps it, after an interrupt or a whole training."""

    def interrupt(*_):
        if len(small["losses"]) == num_done < 7:
            raise KeyboardInterrupt("by a test")
        return "written"

    small["generate"] = interrupt
    small.run("train")
    readme = (nb.ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"(?m)^ +(torch\.save\(.*)", readme)
    file = str(tmp_path / "mine.pt")
    exec(re.sub('".*"', repr(file), line), small)
    files = {*tmp_path.iterdir()}
    loaded = Notebook(small.name, "train", **small.settings, LOAD_NETWORK=file)
    loaded.run("train")
    both = []
    for notebook in small, loaded:
        plot = describe(notebook.figures["train"][-1])
        torch.manual_seed(0)  # of what is written in the next cells
        printed = notebook.run("generate", *notebook.between("train")[:3])
        both.append((notebook["losses"], plot, printed))
    assert both[0] == both[1] and {*tmp_path.iterdir()} == files
    loaded.update(LOAD_NETWORK=file, HIDDEN_DIM=9)
    with pytest.raises(RuntimeError, match="size mismatch"):
        loaded.run("setup")
    assert loaded["losses"] == [], "These losses are not of this network."


def test_the_plot_is_saved_as_it_goes(small, monkeypatch):
    """Where a viewer locks the file, and where it is interrupted while it is saved."""
    errors = [None, PermissionError("locked"), KeyboardInterrupt("by a test"), None]
    saved = []

    def save(figure, file, **_):
        """Note when it is saved, and as which file; then comes the next error."""
        saved.append((len(small["losses"]), file))
        if error := errors.pop(0):
            raise error

    monkeypatch.setattr(Figure, "savefig", save)
    assert "locked" in small.run("train"), "A file that is locked is said."
    expected = [(n, small["LOSS_PLOT_FILE"]) for n in (0, 1, 3, 3)]
    assert saved == expected and len(small.shown) == 3, "at 0, 1, 3, an interrupt"
    assert len(small.figures["train"]) == 1, "Close each figure as soon as it is made."


def test_the_plot_shows_any_sample_in_one_line_at_its_recent_mean(fresh, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", savefig)
    samples = {n: f"$x^{n}_$\x0b\n" + 90 * "y" for n in (1, 10, 11, 19)}
    losses = [5.0] * 10 + [4.0] * 10
    (axes,) = fresh["plot_losses"](losses, {10: 4.5, 20: 3.5}, samples).axes
    shown = curves(axes)
    assert shown.get("test text") == [4.5, 3.5], "Which curve has this label?"
    assert shown.get("one portion") == losses, "Which curve has this label?"
    assert shown["recent mean"][8:12] == [5, 5, 4.5, 4], "means of the last tenth"
    arrows = [(text.xy, text.get_text()) for text in axes.texts if hasattr(text, "xy")]
    points = (1, 5), (10, 5), (19, 4)  # two stages, and the newest
    for point, (end, label) in zip(points, arrows, strict=True):
        assert end == point and label.startswith("{0}: $x^{0}_$↧ y".format(*point))
    (axes,) = fresh["plot_losses"]([4.0] * 1200, {}, {}).axes
    assert axes.get_xlim() == (1, 1200), "A longer training is shown to its end."


def test_every_tensor_of_the_trainings_is_made_on_the_device(small, monkeypatch):
    devices = set()

    def cross_entropy(*tensors, **_):
        """Note the devices of its tensors, and end the cell."""
        devices.update(one.device.type for one in tensors if torch.is_tensor(one))
        raise RuntimeError("seen enough")

    sgd = torch.optim.SGD  # the fused Adam refuses the device "meta"
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, **_: sgd(weights))
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cross_entropy)
    small.update(DEVICE="meta", ForgetfulLSTM=torch.nn.LSTM, NUM_THREADS=3)
    small.run("device")
    assert torch.get_num_threads() == 3, "NUM_THREADS"
    cells = "portions step setup train learn weighted".split()
    for cell_id in filter(small.cells.get, cells):
        with contextlib.suppress(RuntimeError):
            small.run(cell_id)
    devices |= {weight.device.type for weight in small["untrained"].parameters()}
    if small.name != nb.LABORATORY:
        devices |= {zeros.device.type for zeros in small["model"].init_zero_state()}
    assert devices == {"meta"}, "Make tensors on `device`."
