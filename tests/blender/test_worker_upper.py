"""What tells the upper face apart in a take: by the head whose coefficients it is, read once."""

import os

import numpy as np
import pytest

from ecoface_blender.worker import jobs
from ecoface_model.core import head_file
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import REFERENCE_HEAD, read_head
from ecoface_model.postprocess.face_regions import upper_projection


@pytest.fixture
def other(tmp_path):
    """A head of another name, on which other things move."""
    arrays = read_head().arrays()
    path = tmp_path / "other.npz"
    shift = np.array([0, 0.05, 0], np.float32)
    np.savez(path, **(arrays | {"name": np.array("other"), "v_template": arrays["v_template"] + shift}))
    return path


def test_of_the_reference_head_or_of_the_file_whose_head_it_is(other):
    reference = upper_projection(read_head())
    name = read_head().name
    np.testing.assert_array_equal(jobs.upper_of(name, None), reference)
    np.testing.assert_array_equal(jobs.upper_of(name, str(other)), reference)
    np.testing.assert_array_equal(jobs.upper_of("other", None), reference)
    of_other = jobs.upper_of("other", str(other))
    np.testing.assert_array_equal(of_other, upper_projection(read_head(other)))


def test_a_head_is_read_once_while_its_file_stays_as_it_is(other, monkeypatch):
    read = []
    real = head_file.read_head
    monkeypatch.setattr(head_file, "read_head", lambda path: read.append(path) or real(path))
    jobs._name_and_upper.cache_clear()
    for _ in range(3):
        jobs.upper_of("other", str(other))
    assert read == [REFERENCE_HEAD, other]
    os.utime(other, ns=(1, 1))
    jobs.upper_of("other", str(other))
    assert read == [REFERENCE_HEAD, other, other]


def test_a_file_that_is_no_head_is_refused(tmp_path):
    with pytest.raises(HeadError, match="expected a head file at"):
        jobs.upper_of("other", str(tmp_path / "none.npz"))
