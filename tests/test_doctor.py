"""The doctor says what works here, and for the rest what to do."""

from flows.services.upkeep import benchmark, doctor
from flows.services.upkeep.doctor import Check, examine_machine
from pipeline.settings import Poaching, Settings


def test_every_check_has_a_name_and_a_finding_and_what_fails_says_more():
    checks = examine_machine()
    names = [one.name for one in checks]
    wanted = {"Python", "imports", "torch", "torchvision", "ONNX Runtime", "starter frame model"}
    wanted |= {"starter detector", "starter labeller", "memory", "decoding", "PostgreSQL driver"}
    assert wanted <= set(names)
    for one in checks:
        assert one.detail and "\n" not in one.detail + one.what_to_do
        assert not (one.ok and one.what_to_do)
    assert {one.name: one for one in checks}["Python"].ok


def test_rules_that_cannot_be_applied_are_named():
    told = examine_machine(Settings(poaching=Poaching(staff_hours="07:00-17:00")))
    untold = examine_machine(Settings())
    assert any("staff_hours" in one.detail for one in untold)
    assert not any("staff_hours" in one.detail for one in told)


def test_a_file_of_the_folder_that_is_called_as_a_package_of_ours_is_named(tmp_path, monkeypatch):
    def found() -> Check:
        return doctor._imports()

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").mkdir()  # a folder of pictures, say: no package, so nothing is hidden
    assert found().ok
    (tmp_path / "db.py").write_text("")
    assert not found().ok and str(tmp_path / "db.py") in found().detail
    assert "flows" not in found().detail and "rename it" in found().what_to_do


def test_a_check_that_breaks_is_itself_a_finding():
    def _odd_thing() -> Check:
        raise KeyError("surprise")

    found = doctor._guarded(_odd_thing)
    assert not found.ok and found.name == "odd thing" and "surprise" in found.detail


def test_the_benchmark_measures_each_part_and_what_they_come_to_together():
    *parts, together = benchmark.measure(threads=1, seconds=0.2)
    names = " ".join(one.part for one in parts)
    assert all(
        word in names for word in ("decoding", "ONNX Runtime", "PyTorch", "detector", "embedding")
    )
    assert [one.part for one in parts if not one.used] == ["frame model by PyTorch, 320x448"]
    assert 0 < together.per_second < min(one.per_second for one in parts[:2])
