"""A short run of all cells prints and draws the numbers that it always did."""

import transcript


def test_all_cells_print_and_draw_the_numbers_of_the_transcript(name):
    found = transcript.transcript(transcript.run(name))
    lost = transcript.differences(transcript.load(name), found)
    assert not lost, (
        "The numbers of a short run have changed (30 iterations; see transcript.py). "
        "If you meant that, run: .venv/bin/python tests/transcript.py\n"
        + "\n".join(lost)
    )
