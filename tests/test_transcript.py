"""A short run of all cells prints and draws the numbers that it always did."""

import transcript


def test_all_cells_print_and_draw_the_numbers_of_the_transcript(name):
    found = transcript.transcript(transcript.run(name))
    lost = transcript.differences(transcript.load(name), found)
    assert not lost, (
        f"Numbers of a short run of {name} have changed (30 iterations; see "
        "transcript.py).\n" + "\n".join(lost) + "\nIf you did not mean to change them, "
        "the edit is wrong. If you did: .venv/bin/python tests/transcript.py"
    )
