"""The README of a method on its page."""

from harness import registry
from harness.reporting.readme import method_readme, parse_readme

TEXT = """# A method

Two authors, "A title". It *cuts* a person.

Read `model.py`.

## Where we had to choose

| point | choice |
| --- | --- |
| stride | 1, see [the trunk](https://example.org/trunk) |

## Errata

- None <script>alert(1)</script>.
"""


def test_the_first_paragraph_and_the_sections_are_found():
    found = parse_readme(TEXT)
    assert found.summary == "<p>Two authors, &quot;A title&quot;. It <em>cuts</em> a person.</p>\n"
    assert [section.title for section in found.sections] == ["Where we had to choose", "Errata"]
    assert "<td>stride</td>" in found.sections[0].text


def test_links_lead_nowhere_and_html_is_text():
    found = parse_readme(TEXT)
    assert "1, see the trunk" in found.sections[0].text and "example.org" not in found.sections[0].text
    assert "&lt;script&gt;" in found.sections[1].text


def test_every_built_method_says_what_it_is():
    for method_id in registry.folders():
        assert method_readme(method_id).summary


def test_a_method_without_a_readme_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "folders", lambda: {"mine": tmp_path})
    assert method_readme("mine") is None
