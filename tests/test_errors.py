from __future__ import annotations

import pickle

import pytest

from maphc2f import errors
from maphc2f.errors import (
    DatasetError,
    IncompleteDatasetError,
    ManifestError,
    OutOfSpaceError,
    PictureError,
    SimulationRejected,
    UserError,
    VerificationError,
    one_line,
)


def test_message_has_where_what_rule_remedy_in_that_order_on_one_line() -> None:
    error = UserError("bad\nvalue", where="--seed", rule="a  whole number", remedy="write 0")
    assert str(error) == "--seed: bad value; a whole number; write 0"


@pytest.mark.parametrize("cls", [UserError, ManifestError, PictureError, DatasetError, OutOfSpaceError])
def test_user_errors_survive_pickling(cls: type[UserError]) -> None:
    error = cls("what", where="where", rule="rule", remedy="remedy")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # made in the line itself
    assert type(copy) is cls
    assert (copy.what, copy.where, copy.rule, copy.remedy) == ("what", "where", "rule", "remedy")
    assert str(copy) == str(error)


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {cls.__name__: cls.exit_code for cls in vars(errors).values() if isinstance(cls, type)}
    assert codes == {
        "Maphc2fError": 1,
        "UserError": 2,
        "ManifestError": 2,
        "PictureError": 2,
        "DatasetError": 2,
        "OutOfSpaceError": 2,
        "IncompleteDatasetError": 3,
        "VerificationError": 4,
        "SimulationRejected": 1,
    }


def test_what_a_user_cannot_correct_is_not_a_user_error() -> None:
    for cls in (IncompleteDatasetError, VerificationError, SimulationRejected):
        assert not issubclass(cls, UserError)


def test_one_line_collapses_all_white_space() -> None:
    assert one_line("  a\n\tb\r\n c ") == "a b c"
