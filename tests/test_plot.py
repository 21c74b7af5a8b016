"""The plot of the training, as `loss_figure` draws it from losses that are given."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

BASELINES = {"high": 4.0, "middle": 3.0, "low": 2.0}
COUNTS = [0, 1, 9, 250, 2400]  # of losses


def falling(count):
    """Return count losses that fall evenly from 4 to 1."""
    return list(np.linspace(4, 1, count))


def draw(notebook, losses, baselines=BASELINES, samples=None):
    """Return the axes of the plot, without samples if none are given."""
    return notebook["loss_figure"](losses, baselines, samples or {}).axes[0]


def sample_labels(axes):
    """Return the words beside the plot, each of which ends in an arrow."""
    return [text for text in axes.texts if isinstance(text, Annotation)]


@pytest.mark.parametrize("count", COUNTS)
def test_the_gray_line_shows_each_loss(untrained, count):
    gray = draw(untrained, falling(count)).lines[0]
    np.testing.assert_array_equal(gray.get_xdata(), range(1, count + 1))
    np.testing.assert_array_equal(gray.get_ydata(), falling(count))


@pytest.mark.parametrize("count", COUNTS)
def test_the_blue_line_shows_the_mean_of_the_last_tenth(untrained, count):
    """After n losses, the last tenth begins behind the first nine tenths of n, rounded
    down; it is one loss up to n = 10 and two from n = 11 on."""
    losses = falling(count)
    means = []
    for n in range(1, count + 1):
        means.append(np.mean(losses[n * 9 // 10 : n]))
    blue = draw(untrained, losses).lines[1]
    np.testing.assert_array_equal(blue.get_xdata(), range(1, count + 1))
    np.testing.assert_allclose(blue.get_ydata(), means)


def test_the_colors_are_those_that_the_text_names(untrained):
    gray, blue, *_ = draw(untrained, falling(50)).lines
    assert gray.get_color() == "0.7"  # a light gray
    assert blue.get_color() == "tab:blue"


def test_the_legend_names_both_curves(untrained):
    axes = draw(untrained, falling(50))
    gray, blue, *_ = axes.lines
    assert gray.get_label() == "one portion"
    assert blue.get_label() == "mean of the last tenth"
    assert axes.get_legend() is not None, "the plot has no legend"
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == ["one portion", "mean of the last tenth"]


def test_each_baseline_is_a_dashed_line_at_its_loss(untrained):
    dashed = draw(untrained, falling(50)).lines[2:]
    assert [list(line.get_ydata()) for line in dashed] == [[4, 4], [3, 3], [2, 2]]
    assert [line.get_linestyle() for line in dashed] == ["--", "--", "--"]


def test_the_names_of_the_baselines_are_off_the_curve(trained):
    (axes,) = trained.figures[-1].axes
    _, means, *_ = axes.lines
    for text in axes.texts[:3]:
        iteration, height = text.get_position()
        beside = means.get_ydata()[int(iteration) - 1]
        assert abs(height - beside) > 0.4, f"{text.get_text()!r} is on the blue line"


def test_each_baseline_has_its_name_close_to_its_line(untrained):
    axes = draw(untrained, falling(50))
    assert [text.get_text() for text in axes.texts] == ["high", "middle", "low"]
    heights = [text.get_position()[1] for text in axes.texts]
    assert heights == pytest.approx([4, 3, 2], abs=0.1)
    for text in axes.texts:
        assert 1 <= text.get_position()[0] <= 1000, f"{text} is outside the plot"


@pytest.mark.parametrize(
    ("count", "end"), [(0, 1000), (1, 1000), (1000, 1000), (2400, 2400)]
)
def test_the_iterations_run_from_1_to_1000_or_farther(untrained, count, end):
    """At first, the plot has room for 1,000 iterations, so that it stays as it is."""
    axes = draw(untrained, falling(count))
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (1, end)


def test_the_iterations_are_written_out(untrained):
    """A logarithmic axis would otherwise have 10³ for 1000."""
    axes = draw(untrained, falling(50))
    assert axes.xaxis.get_major_formatter()(1000) == "1000"


def test_the_losses_run_from_0_to_5(untrained):
    """The range is the same in every training, so that two plots can be compared."""
    assert draw(untrained, falling(50)).get_ylim() == (0, 5)


def test_no_loss_is_cut_off(untrained):
    assert draw(untrained, [4.0, 37.5, 3.0]).get_ylim() == (0, 37.5)


def test_the_axes_have_names(untrained):
    axes = draw(untrained, falling(50))
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "loss (nats per character)"


def test_no_figure_is_left_open(untrained):
    """Jupyter shows each open figure at the end of a cell, so it would show twice."""
    plt.close("all")
    draw(untrained, falling(50))
    assert plt.get_fignums() == []


def test_a_sample_is_named_by_its_iteration(untrained):
    axes = draw(untrained, falling(300), samples={50: "the", 200: "thus"})
    labels = [label.get_text() for label in sample_labels(axes)]
    assert labels == ["50: the", "200: thus"]


def test_a_sample_is_cut_after_24_characters(untrained):
    """The iteration and the colon are among the 24."""
    axes = draw(untrained, falling(300), samples={200: "y" * 100})
    (label,) = sample_labels(axes)
    assert label.get_text() == "200: " + "y" * 19


def test_a_sample_stays_on_one_line(untrained):
    axes = draw(untrained, falling(300), samples={200: "th\ne\n"})
    (label,) = sample_labels(axes)
    assert label.get_text() == "200: th e "


def test_a_sample_has_a_sign_for_each_control_character(untrained):
    axes = draw(untrained, falling(300), samples={200: "th\x0be\r"})
    (label,) = sample_labels(axes)
    assert label.get_text() == "200: th↧e⇤"


def test_a_dollar_sign_in_a_sample_is_only_a_dollar_sign(untrained):
    """Between two of them, Matplotlib would set a formula, and this one is an error."""
    axes = draw(untrained, falling(300), samples={50: "$5 or $6", 200: "${$"})
    for label in sample_labels(axes):
        assert not label.get_parse_math(), f"{label.get_text()!r} becomes a formula"
    axes.figure.savefig(io.BytesIO())


def test_the_arrow_of_a_sample_ends_on_the_blue_line(untrained):
    losses = [4.0, 1.0] * 150  # so that the gray line and the blue one differ
    axes = draw(untrained, losses, samples={1: "t", 51: "th", 201: "the", 300: "then"})
    blue = axes.lines[1].get_ydata()
    for label, n in zip(sample_labels(axes), (1, 51, 201, 300), strict=True):
        assert label.xycoords == "data"
        assert label.xy == (n, pytest.approx(blue[n - 1])), (
            f"the arrow of sample {n} should end on the blue line"
        )
        assert label.arrow_patch is not None, f"sample {n} has no arrow"


@pytest.mark.parametrize("count", [1, 5, 6, 9, 30])
def test_every_sample_stands_right_of_the_plot(untrained, count):
    """In fractions of the axes, their right edge is at 1. None may be left out."""
    samples = {n: "the" for n in range(1, count + 1)}
    axes = draw(untrained, falling(300), samples=samples)
    labels = sample_labels(axes)
    assert len(labels) == count, "some samples are missing from the plot"
    for label in labels:
        assert label.anncoords == "axes fraction"
        assert 1 < label.get_position()[0] < 1.1, (
            f"sample {label.get_text()!r} should begin just right of the plot"
        )


@pytest.mark.parametrize("count", [1, 5, 6])
def test_up_to_six_samples_have_fixed_rows(untrained, count):
    """So that no sample moves when the training adds another."""
    samples = {n: "the" for n in range(1, count + 1)}
    axes = draw(untrained, falling(300), samples=samples)
    heights = [label.get_position()[1] for label in sample_labels(axes)]
    rows = [0.95, 0.80, 0.65, 0.50, 0.35, 0.20]
    assert heights == pytest.approx(rows[:count])


@pytest.mark.parametrize("count", [7, 9, 30])
def test_more_samples_share_the_height_of_six(untrained, count):
    """With more STAGES, none may vanish or stand above or below the plot."""
    samples = {n: "the" for n in range(1, count + 1)}
    axes = draw(untrained, falling(300), samples=samples)
    heights = [label.get_position()[1] for label in sample_labels(axes)]
    assert len(heights) == count, "some samples are missing from the plot"
    assert heights[0] == pytest.approx(0.95)
    assert heights[-1] == pytest.approx(0.20)
    steps = np.diff(heights)
    assert (steps < 0).all(), "each sample should stand below the one before it"
    assert steps == pytest.approx(steps[0]), "the samples should be spaced evenly"


def test_no_sample_is_cut_off_at_the_edge_of_the_figure(untrained):
    """The layout makes room beside the plot for the longest words."""
    samples = {n: "m" * 100 for n in (1, 10, 50, 200, 1000, 2400)}
    axes = draw(untrained, falling(2400), samples=samples)
    axes.figure.draw_without_rendering()
    for label in sample_labels(axes):
        words = label.get_window_extent()
        assert words.x1 <= axes.figure.bbox.x1, f"{label.get_text()!r} is cut off"
