"""A user's own tests beside the checks."""

from pathlib import Path

from tests.support import product
from tests.support.servers import Server

# A user's own tests


def test_of_own_tests_of_one_name_the_worst_counts(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    own = folder / "test_own.py"
    own.write_text(
        "class TestA:\n    def test_x(self):\n        assert 0\n"
        "class TestB:\n    def test_x(self):\n        pass\n"
    )
    for name, body in (("a", "assert 0"), ("b", "pass")):
        (folder / name).mkdir()
        (folder / name / "test_twin.py").write_text(f"def test_x():\n    {body}\n")
    files = ("--import-mode=importlib", "test_own.py", "a/test_twin.py", "b/test_twin.py")
    done = product.run(folder, "smoke", "--", *files, env=product.urls(healthy.url))
    assert done.code == 1
    own_verdicts = {
        name: verdict for name, verdict in done.verdicts.items() if name.startswith("test_")
    }
    assert own_verdicts == {
        "test_own[TestA::test_x]": "fail",
        "test_own[TestB::test_x]": "pass",
        "test_twin[test_x]": "fail",
    }


def test_a_users_own_tests_come_beside_the_checks(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "test_own.py").write_text("def test_own():\n    pass\n")
    own = folder / "test_own.py"
    done = product.run(folder, "smoke", "--", str(own), env=product.urls(healthy.url))
    assert done.verdicts["test_own[test_own]"] == "pass"
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
