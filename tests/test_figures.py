"""The figures: what stands on their axes and in them."""

import numpy as np

BASELINES = {"high": 4.0, "low": 2.0}


def test_the_loss_figure_counts_iterations_and_smooths(cells):
    losses = list(np.linspace(4, 1, 250))
    axes = cells["loss_figure"](losses, BASELINES).axes[0]
    thin, mean, high, low = axes.lines
    np.testing.assert_array_equal(thin.get_xdata(), np.arange(1, 251))
    np.testing.assert_array_equal(thin.get_ydata(), losses)
    np.testing.assert_array_equal(mean.get_xdata(), np.arange(100, 251))
    for iteration, value in zip(mean.get_xdata(), mean.get_ydata()):
        assert abs(value - np.mean(losses[iteration - 100 : iteration])) < 1e-9
    assert thin.get_linewidth() < mean.get_linewidth()
    assert [line.get_ydata()[0] for line in (high, low)] == [4.0, 2.0]
    assert {line.get_linestyle() for line in (high, low)} == {"--"}
    assert [text.get_text() for text in axes.texts] == ["high", "low"]
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "loss (nats per character)"
    assert axes.get_xlim() == (0, 250) and axes.get_ylim()[0] == 0


def test_the_loss_figure_before_a_mean_can_be_taken(cells):
    for losses in ([], [4.6], [4.6] * 99):
        axes = cells["loss_figure"](losses, BASELINES).axes[0]
        assert len(axes.lines) == 3
        assert len(axes.lines[0].get_xdata()) == len(losses)
        assert cells["png"](axes.figure)["image/png"].startswith(b"\x89PNG")


def test_the_surprise_figure_shades_each_character_by_its_loss(cells):
    losses = np.linspace(0, 6, 53)
    characters = "a b\n" + "x" * 49
    axes, scale = cells["surprise_figure"](characters, losses).axes
    grid = axes.images[0].get_array()
    assert grid.shape == (2, 50)
    np.testing.assert_allclose(grid.ravel()[:53].filled(np.nan), losses)
    assert grid.mask.ravel()[53:].all()
    assert "".join(text.get_text() for text in axes.texts) == "a·b↵" + "x" * 49
    for i, text in enumerate(axes.texts):
        assert text.get_position() == (i % 50, i // 50)
        assert text.get_color() == ("white" if losses[i] > 4 else "black")
        assert text.get_family() == ["monospace"]
    dark, light = axes.images[0].cmap([1.0, 0.0])[:, 0]
    assert dark < 0.1 and light > 0.9
    assert scale.get_ylabel() == "loss (nats)"
