"""A source's folder is whole or refused, naming what it lacks."""

import shutil

import pytest

from evidence.sources import registry
from evidence.sources.contract import ALWAYS, NEVER, SOMETIMES


def test_sources_are_found_by_slug_and_alias():
    assert registry.adapter("aws") is registry.adapter("cloudtrail") is registry.adapter("aws-cloudtrail")
    assert set(registry.adapters()) == {"aws"} | set(registry.adapters())


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(registry.UnknownSource, match=r'There is no source "awz"\. Sources: .*aws'):
        registry.adapter("awz")


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(registry.FOLDER / "aws", tmp_path / "aws")


def test_a_whole_folder_lacks_nothing(folder):
    assert registry.check_folder(folder) == []


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda folder: (folder / "adapter.py").unlink(), 'Source "aws" has no adapter.py.'),
        (lambda folder: (folder / "source.yml").unlink(), 'Source "aws" has no source.yml.'),
        (lambda folder: shutil.rmtree(folder / "examples"), 'Source "aws" has no example file in examples/.'),
        (lambda folder: (folder / "source.yml").write_text("family: [x"), "source.yml cannot be read"),
        (lambda folder: (folder / "source.yml").write_text("- a"), "source.yml is no map of keys."),
        (lambda folder: replace(folder, "rhythm:", "rythm:"), 'source.yml has no "rhythm".'),
        (lambda folder: replace(folder, "rhythm:", "rythm:"), 'source.yml has an unknown key "rythm".'),
        (lambda folder: replace(folder, "is_mfa: sometimes", "is_mfa: maybe"), 'field "is_mfa" is "maybe"'),
    ],
)
def test_an_incomplete_folder_is_named(folder, harm, sentence):
    harm(folder)
    assert sentence in " ".join(registry.check_folder(folder))


def replace(folder, before, after):
    path = folder / "source.yml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_fields_say_what_is_sent():
    contract = registry.contract("aws")
    assert contract.sends("time") == ALWAYS
    assert contract.sends("is_mfa") == SOMETIMES
    assert contract.sends("actor.user.email_addr") == NEVER
    assert contract.sends("device.hostname") == NEVER
    assert contract.sends("unmapped.requestParameters.anything") == SOMETIMES
    assert contract.sends("never.heard.of") == SOMETIMES


def test_the_contract_describes_its_examples():
    contract = registry.contract("aws")
    assert "log_file.json.gz" in contract.examples
    assert contract.sigma["aws/cloudtrail"]["eventName"] == "action"
    assert contract.ways_in
