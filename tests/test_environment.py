"""What gets installed: the conda file's form, pinned versions, licences, and nothing for graphics cards."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
}
# Said by the package's own licence file; its metadata is silent or odd.
LICENCES_READ = {"axe-playwright-python": "MIT AND MPL-2.0", "locate": "MIT"}


def declared() -> list[Requirement]:
    """Return every requirement written in pyproject.toml, extras included."""
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    return [Requirement(text) for text in texts if not text.startswith("bigview")]


def reached() -> dict[str, metadata.Distribution]:
    """Return every installed distribution that the requirements bring in, by canonical name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [(item.name, frozenset(item.extras)) for item in declared()]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found[canonicalize_name(name)] = distribution
        for text in distribution.requires or []:
            item = Requirement(text)
            if item.marker is None or any(item.marker.evaluate({"extra": extra}) for extra in (extras or {""}) | {""}):
                step = (item.name, frozenset(item.extras))
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return found


def licence(distribution: metadata.Distribution) -> str:
    """Return what a distribution says of its licence: an expression, else classifiers and the first line of text."""
    name = canonicalize_name(distribution.metadata["Name"])
    if name in LICENCES_READ:
        return LICENCES_READ[name]
    data = distribution.metadata
    if expression := data.get("License-Expression"):
        return expression
    classifiers = [item for item in data.get_all("Classifier") or [] if item.startswith("License ::")]
    return " ".join([*classifiers, (data.get("License") or "").strip().split("\n")[0]])


def is_copyleft(text: str) -> bool:
    """Tell whether a licence is GPL or AGPL without an alternative (LGPL is not meant)."""
    if any(not is_copyleft(choice) for choice in text.split(" OR ")[1:]):
        return False
    first = text.split(" OR ")[0].lower()
    return bool(re.search(r"(?<!l)(?<!lesser )\b(a?gpl|gnu (affero )?general public)", first))


def test_conda_file_has_its_form():
    """Python and pip from conda, the rest as `make` installs it."""
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert content["name"] == "bigview"
    plain = [item for item in content["dependencies"] if isinstance(item, str)]
    assert [re.match(r"\w+", item)[0] for item in plain] == ["python", "pip"]
    assert Requirement(plain[0]).specifier.contains(PROJECT["requires-python"].removeprefix(">="))
    [section] = [item for item in content["dependencies"] if isinstance(item, dict)]
    assert section == {"pip": ["-c constraints.txt", "-e .[dev,demo]"]}


def test_make_installs_the_same():
    from tools.run import INSTALL

    assert " ".join(INSTALL) == "-c constraints.txt -e .[dev,demo]"


def test_every_requirement_is_pinned_within_its_range():
    for item in declared():
        pin = PINS.get(canonicalize_name(item.name))
        assert pin is not None, f"{item.name} is not in constraints.txt"
        assert item.specifier.contains(pin), f"{item} leaves out the tested version {pin}"


def test_what_the_requirements_bring_is_pinned():
    names = set(reached()) - {"pip", "setuptools"}
    assert names <= set(PINS), f"not in constraints.txt: {sorted(names - set(PINS))}"


def test_constraints_are_plain_versions():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line
    for version in PINS.values():
        Version(version)


@pytest.mark.parametrize("name", ["constraints.txt", "environment.yml", "pyproject.toml", "Makefile", "tools/run.py"])
def test_no_address_of_a_registry(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--find-links|index-url", text)


def test_no_gpl_among_the_requirements():
    bad = {name: licence(item) for name, item in reached().items() if is_copyleft(licence(item))}
    assert not bad


def test_every_licence_is_known():
    unknown = sorted(name for name, item in reached().items() if not re.search(r"\w{2,}", licence(item)))
    assert not unknown


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("MIT AND GPL-2.0-only", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3) GPLv3", True),
        ("GNU Affero General Public License v3", True),
        ("MIT OR GPL-3.0-only", False),
        ("GPL-2.0-only OR Apache-2.0", False),
        ("LGPL-2.1-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)", False),
        ("BSD-3-Clause", False),
    ],
)
def test_copyleft_is_told_apart(text, verdict):
    assert is_copyleft(text) is verdict


def test_nothing_for_graphics_cards():
    heavy = [name for name in [*PINS, *reached()] if re.match(r"torch|nvidia|cuda|cupy|tensorflow|jax", name)]
    assert not heavy
