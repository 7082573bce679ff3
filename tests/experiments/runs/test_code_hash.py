"""A result depends on the code that it came from, and on no other."""

import sys

from experiments.runs.provenance import imports_of, source_hash, source_of


def test_modules_are_found_without_being_imported():
    path = source_of("agents.bayes.agent") or source_of("agents.aif.agent")
    assert path is not None and path.name == "agent.py"
    assert source_of("agents.base.Agent") is None
    assert source_of("agents.aif") == path.parent.parent / "aif" / "__init__.py"


def test_imports_are_found_wherever_they_stand(tmp_path):
    source = tmp_path / "one.py"
    source.write_text("import a.b\ndef f():\n    from c.d import e\n", encoding="utf-8")
    assert imports_of(source) == ("a", "a.b", "c", "c.d", "c.d.e")


def test_the_hash_changes_with_what_is_imported_and_with_nothing_else(tmp_path, monkeypatch):
    package = tmp_path / "elsewhere"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "one": "from elsewhere.two import x\n",
        "two": "x = 1\n",
        "three": "",
    }.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def fresh() -> str:
        for cached in (source_hash, source_of, imports_of):
            cached.cache_clear()
        return source_hash("elsewhere.one")

    first = fresh()
    (package / "three.py").write_text("y = 2\n", encoding="utf-8")
    assert fresh() == first
    (package / "two.py").write_text("x = 2\n", encoding="utf-8")
    assert fresh() != first
    assert "elsewhere" not in sys.modules
