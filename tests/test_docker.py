"""The image and the services, read as files: what would be unsafe, unpinned or misspelt."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from flows.cli.main import app
from flows.facts import alerts
from flows.services.streams import mail as post
from pipeline.card.inbox import STREAMS

DOCKER = Path(__file__).parents[1] / "docker"
IMAGE = (DOCKER / "Dockerfile").read_text("utf-8")
SERVICES = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))["services"]
MAIL = yaml.safe_load((DOCKER / "compose.mail.yaml").read_text("utf-8"))["services"]
VERSION = re.compile(r"^[\w./-]+:\d+\.\d+[\w.-]*$")  # never latest, never a bare major


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_watched_and_restarted(name):
    service = SERVICES[name]
    assert VERSION.match(service["image"])
    assert service["healthcheck"] and service["restart"]
    once = service["restart"] == "no"
    assert once == bool(service["healthcheck"].get("disable")), "what stays up is watched"
    assert service.get("user") != "root" and not service.get("privileged")


def test_what_the_program_needs_is_among_the_images_files():
    """`make hashes` was run since a dependency was added."""
    project = tomllib.loads((DOCKER.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = (project["optional-dependencies"][name] for name in ("postgres", "dask", "video"))
    needed = sum(extras, project["dependencies"])
    named = "".join(path.read_text("utf-8") for path in DOCKER.glob("hashes*.txt"))
    files = {plain(name) for name in re.findall(r"^([\w.-]+)==", named, re.MULTILINE)}
    assert {plain(re.match(r"[\w.-]+", line)[0]) for line in needed} - files == set()


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_port_is_open_to_this_computer_alone():
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_come_from_the_environment_and_from_nowhere_else():
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key:
                assert re.fullmatch(r"\$\{CAMTRIAGE_PASSWORD:\?.+\}", value), name
            assert not re.search(r"://[^/@]*:[^/@]*@", value), f"{name}: a password in {key}"
    assert not re.search(r"(?i)password|secret|token", IMAGE)


def test_prefects_page_asks_where_its_reader_can_reach_it():
    prefect = SERVICES["prefect"]["environment"]
    [port] = SERVICES["prefect"]["ports"]
    address = port.rsplit(":", 1)[0]
    assert prefect["PREFECT_UI_API_URL"] == f"http://{address}/api"  # not the service's own name
    assert prefect["PREFECT_API_URL"] == SERVICES["worker"]["environment"]["PREFECT_API_URL"]
    assert prefect["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"


def test_schedules_and_days_follow_the_zone_of_the_environment():
    ours = [one for one in SERVICES.values() if one["image"].startswith("camtriage:")]
    assert {one["environment"]["TZ"] for one in ours} == {"${TZ:-UTC}"}


def test_cards_can_only_be_read():
    cards = [v for one in SERVICES.values() for v in one.get("volumes", ()) if ":/cards" in v]
    assert cards and all(one.endswith(":ro") for one in cards)


def test_the_worker_tells_whom_a_file_names_and_fetches_mail_where_one_is_given():
    worker, mail = SERVICES["worker"], MAIL["worker"]
    everywhere = SERVICES["migrate"]
    assert everywhere["environment"].items() <= worker["environment"].items()
    assert set(everywhere["volumes"]) <= set(worker["volumes"])
    for service, variable, module in ((worker, "ALERTS", alerts), (mail, "MAIL", post)):
        given, inside = f"CAMTRIAGE_{variable}", f"/etc/camtriage/{variable.lower()}.toml"
        assert given == module.VARIABLE and inside in service["environment"][given]
        [mounted] = [one for one in service["volumes"] if one.endswith(f":{inside}:ro")]
        assert mounted.startswith("${" + given)
    assert worker["environment"]["CAMTRIAGE_ALERTS"].startswith("${CAMTRIAGE_ALERTS:+")  # else ""
    assert [one for one in mail["volumes"] if not one.endswith(":ro")] == [
        f"${{CAMTRIAGE_INBOX}}/{STREAMS}:/cards/{STREAMS}"
    ]
    assert list(MAIL) == ["worker"] and mail.keys() == {"environment", "volumes"}


def test_every_command_is_one_that_camtriage_has():
    ours = {name: one for name, one in SERVICES.items() if one["image"].startswith("camtriage:")}
    assert len(ours) == 3
    for name, service in ours.items():
        words = service["command"]
        if service.get("entrypoint") == ["prefect"]:
            assert words[:2] == ["server", "start"]
            continue
        command = get_command(app)
        while hasattr(command, "commands"):
            assert words[0] in command.commands, f"{name}: camtriage {words[0]}"
            command, words = command.commands[words[0]], words[1:]
        known = {word for option in command.params for word in option.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_the_image_is_pinned_slim_watched_and_not_run_by_root():
    bases = re.findall(r"^ARG PYTHON=(\S+)", IMAGE, re.MULTILINE)
    assert len(bases) == 1 and re.fullmatch(r"3\.\d+\.\d+-slim-\w+", bases[0])
    assert set(re.findall(r"^FROM (\S+)", IMAGE, re.MULTILINE)) == {"python:${PYTHON}"}
    users = re.findall(r"^USER (\S+)", IMAGE, re.MULTILINE)
    assert users and users[-1] not in ("0", "root")
    assert IMAGE.index("\nUSER ") < IMAGE.index("\nENTRYPOINT ")
    assert "\nHEALTHCHECK " in IMAGE and "\nADD " not in IMAGE and "sudo" not in IMAGE
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", IMAGE, re.MULTILINE)
    for one in " ".join(copied).split():
        assert (DOCKER.parent / one).exists(), one


def _pins(name: str) -> dict[str, str]:
    lines = (DOCKER / name).read_text("utf-8").splitlines()
    return dict(one.split(" ")[0].split("==") for one in lines if re.match(r"[\w.-]+==", one))


def test_the_image_installs_the_versions_of_the_constraints():
    wanted, hashed = _pins("constraints.txt"), _pins("hashes.txt") | _pins("hashes-cuda.txt")
    named = dict(re.findall(r"\b(torch\w*)==([\d.]+)", IMAGE))
    assert named.keys() == {"torch", "torchvision"} and named.items() <= wanted.items()
    assert {name: hashed[name] for name in hashed.keys() & wanted.keys()}.items() <= wanted.items()
    assert {"prefect", "sqlalchemy", "onnxruntime", "psycopg", "torch"} <= hashed.keys()
    assert not {"torch", "triton"} & _pins("hashes.txt").keys()  # the CPU image does without CUDA


def test_every_file_of_the_image_is_held_to_its_hash():
    for name in ("hashes.txt", "hashes-cuda.txt"):
        told = (DOCKER / name).read_text("utf-8").replace("\\\n", " ").splitlines()
        assert all(re.fullmatch(r"\S+==\S+( ;.+?)?(\s+--hash=sha256:\w{64})+", one) for one in told)
    installs = re.findall(r"pip install [^&;]+", IMAGE.replace("\\\n", " "))
    loose = [one for one in installs if "--require-hashes" not in one]
    assert len(installs) == 4 and all("--no-deps" in one for one in installs)
    assert len(loose) == 2  # torch for the CPU, said in the Dockerfile, and camtriage itself
