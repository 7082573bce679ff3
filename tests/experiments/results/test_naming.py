"""Names say what is different, and nothing else."""

from experiments.results.naming import additions, differing, flat


def texts(*variants):
    return [addition.text for addition in additions([flat(variant) for variant in variants])]


def test_a_variant_that_is_alone_needs_no_addition():
    assert texts({"target": 0.7}) == [""]


def test_only_what_differs_is_in_a_name():
    assert texts({"target": 0.7, "oks": 3}, {"target": 0.8, "oks": 3}) == ["target=0.7", "target=0.8"]


def test_nested_values_have_dotted_keys_and_lists_of_numbers_stay_together():
    assert flat({"a": {"b": [1, 2]}, "c": [{"d": None}], "e": {}}) == {
        "a.b": (1, 2),
        "c.0.d": None,
        "e": (),
    }


def test_values_are_told_in_short():
    wide = {
        "levels": [1, 2],
        "bold": True,
        "prior": None,
        "path": "/data/clips/a.mp4",
        "_target_": "my.pkg.Mine",
    }
    other = {
        "levels": [0, 2],
        "bold": False,
        "prior": 1.0,
        "path": "/data/clips/b.mp4",
        "_target_": "x.Theirs",
    }
    assert [text.split(",")[-1] for text in texts({"path": wide["path"]}, {"path": other["path"]})] == [
        "path=a.mp4",
        "path=b.mp4",
    ]
    names = ("levels", "bold", "prior")
    assert texts(*({name: one[name] for name in names} for one in (wide, other))) == [
        "levels=[1 2],bold=true,prior=none",
        "levels=[0 2],bold=false,prior=1",
    ]
    assert texts({"_target_": "my.pkg.Mine"}, {"_target_": "x.Theirs"}) == [
        "Mine",
        "Theirs",
    ]


def test_what_would_be_long_or_ambiguous_becomes_a_hash_and_is_told_in_full():
    long = [{f"figure_{i}": i + shift for i in range(9)} for shift in (0, 1)]
    for addition in additions([flat(one) for one in long]):
        assert len(addition.text) == 6
        assert not addition.is_told
        assert "figure_8=" in addition.full
    same_file = texts({"path": "/a/clip.mp4"}, {"path": "/b/clip.mp4"})
    assert len(set(same_file)) == 2
    assert all(len(text) == 6 for text in same_file)


def test_a_key_that_only_one_has_is_a_difference():
    assert differing([{"a": 1}, {"a": 1, "b": 2}]) == ["b"]
    first, second = texts({"a": 1}, {"a": 1, "b": 2})
    assert second == "b=2"
    assert len(first) == 6
