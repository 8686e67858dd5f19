"""The tree of errors is the one that its docstring draws, and exit codes follow it."""

import inspect
import re

from kinema import errors
from kinema.errors import ExtraMissingError, KinemaError, RefusedError, UsageError


def test_every_error_is_drawn_and_every_drawn_one_exists():
    drawn = set(re.findall(r"\b(\w+Error)\b(?=\s{2,}|$)", errors.__doc__ or "", re.MULTILINE))
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    assert drawn == set(classes)
    assert all(issubclass(each, KinemaError) for each in classes.values())


def test_a_wrong_request_exits_with_two_a_refused_one_with_three_and_anything_else_with_one():
    for _, each in inspect.getmembers(errors, inspect.isclass):
        assert each.exit_code == (2 if issubclass(each, UsageError) else 3 if each is RefusedError else 1)


def test_a_missing_extra_names_the_command_that_brings_it():
    assert "pip install 'kinema[train]'" in str(ExtraMissingError("train", "training"))
