"""Steps and their keys: every one declared, typed, bounded and documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hven.errors import Invalid
from hven.imaging.steps.registry import Key, Step, check_config, register, step, steps


def test_every_step_and_every_key_is_documented(checkout: Path) -> None:
    text = (checkout / "docs" / "steps.md").read_text()
    for key, declared in steps().items():
        assert f"## {key}" in text, f"docs/steps.md does not describe the step {key}"
        for config_key in declared.keys:
            assert f"`{config_key.name}`" in text, f"docs/steps.md does not describe {config_key.name}"
            assert config_key.doc.endswith(".")
        for product in declared.writes:
            assert f"`{product}`" in text, f"docs/steps.md does not name the product {product}"


def test_a_step_needs_only_steps_that_exist() -> None:
    for declared in steps().values():
        assert set(declared.needs) <= set(steps())


def test_a_step_or_key_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        register(step("solve"))
    with pytest.raises(ValueError, match="scale_low"):
        register(Step("other", "Other", "", lambda _: None, (Key("scale_low", "float", ""),)))  # type: ignore[arg-type,return-value]
    assert "other" not in steps()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"scale_low": "wide"}, "scale_low takes a number"),
        ({"scale_low": float("nan")}, "scale_low takes a number"),
        ({"scale_low": -1}, "scale_low lies between"),
        ({"dec": 91}, "dec lies between"),
        ({"parity": 0}, "parity is one of"),
        ({"parity": 1.5}, "parity takes a whole number"),
        ({"use_header": "yes"}, "use_header takes true or false"),
        ({"stretch": "cubic"}, "stretch is one of"),
        ({"shoe_size": 43}, "shoe_size"),
        ({"ra": True}, "ra takes a number"),
        ({"preview_size": 10**400}, "preview_size"),
    ],
)
def test_a_wrong_value_is_refused_by_name(config: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_config(["solve", "annotate", "render"], config)


def test_values_are_read_in_their_types_and_nothing_means_not_set() -> None:
    config = {"scale_low": "1.5", "parity": "-1", "ra": 0, "dec": None, "radius": ""}
    assert check_config(["solve"], config) == {"scale_low": 1.5, "parity": -1, "ra": 0.0}


def test_an_unknown_step_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Invalid, match="the steps are"):
        check_config(["polish"], {})
