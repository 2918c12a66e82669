"""The command line itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from tests.unit.cli.commands import sentence_of

import jetbull
from jetbull.cli import main
from jetbull.cli.settings import LogSettings, WorkerSettings, read_settings
from jetbull.http import ApiSettings

_ROOT = Path(__file__).parents[3]


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    for name in ("server", "worker", "api", "exec", "doctor", "permissions", "demo"):
        assert f"\n  {name} " in listed


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"jetbull {jetbull.__version__}\n"


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    assert "invalid choice: 'serve'" in sentence_of("serve", folder=tmp_path, code=2)


@pytest.mark.parametrize("name", ["server", "worker", "api", "exec", "doctor", "demo"])
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_a_command_that_was_used_is_still_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert "\n  demo " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (
            ["worker", "m:a", "--concurrency", "many"],
            {},
            "The setting --concurrency (WORKER_CONCURRENCY): Input should be a valid integer",
        ),
        (
            ["worker", "m:a"],
            {"WORKER_CONCURRENCY": "0"},
            "The setting --concurrency (WORKER_CONCURRENCY): Input should be greater than",
        ),
        (["api"], {"PORT": "99999"}, "The setting --port (PORT): Input should be less than"),
        (["api"], {"LOG_LEVEL": "loud"}, "The setting --log-level (LOG_LEVEL): Input should be"),
        (
            ["api"],
            {"JETBULL_API_MAX_BODY": "much"},
            "The setting JETBULL_API_MAX_BODY: Input should be a valid integer",
        ),
        (
            ["worker", "json:loads", "--lock", "inf"],
            {},
            "The setting --lock (WORKER_LOCK): Input should be a finite number",
        ),
    ],
)
def test_a_wrong_setting_is_named_by_its_option_and_its_variable(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    said = sentence_of(*arguments, folder=tmp_path, environment=environment)
    assert said.startswith(f"jetbull: {sentence}")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("written", ["{}\r", "{}\r\n", " {} "])
def test_white_space_around_a_setting_does_not_count(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    given = {"JETBULL_QUEUE": "emails", "WORKER_POOL": "processes", "WORKER_GRACE": "5"}
    given |= {"LOG_LEVEL": "DEBUG", "JETBULL_API_HOST": "127.0.0.1", "JETBULL_API_READ_ONLY": "yes"}
    for name, value in given.items():
        monkeypatch.setenv(name, written.format(value))
    worker = read_settings(WorkerSettings, {})
    assert (worker.queue, worker.pool, worker.grace) == ("emails", "processes", 5.0)
    api = read_settings(ApiSettings, {})
    assert (api.queue, api.on_loopback, api.read_only) == ("emails", True, True)
    assert read_settings(LogSettings, {}).level == "debug"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_only_the_beginning_of_the_output_hears_no_complaint(unbuffered: str) -> None:
    arguments = ["permissions", "--role", "worker", "--queue", "q"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "jetbull.cli", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            text=True,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full output to try")
def test_an_output_that_takes_no_more_is_told_in_a_sentence() -> None:
    words = [sys.executable, "-m", "jetbull.cli", "permissions", "--role", "reader", "--queue", "q"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            words,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr == "jetbull: The output cannot be written: No space left on device.\n"


def test_a_script_instead_of_a_program_is_told_how_to_run_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch()
    assert sentence_of("exec", "mine.py", folder=tmp_path) == (
        "jetbull: The program 'mine.py' is not found on the PATH: "
        "run a script by `jetbull exec -- python mine.py`.\n"
    )


def test_doctor_says_what_is_installed_without_a_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--nats-url", "nats://127.0.0.1:1"]) == 1
    machine, code, server = capsys.readouterr().out.splitlines()
    assert machine.startswith(f"ok    machine    jetbull {jetbull.__version__}, Python ")
    assert code.startswith("ok    code       What runs for every job is ")
    assert server.startswith("WRONG server     No NATS server answers at nats://127.0.0.1:1")


def _entry(program: str) -> str:
    """What the installed script of this name does, in a process that ctrl-C reaches.

    It reaches none that a shell started in the background.
    """
    config = ConfigParser()
    config.read(_ROOT / "setup.cfg")
    scripts = config["options.entry_points"]["console_scripts"].split("\n")
    points = dict(line.split(" = ") for line in scripts if line)
    module, _, function = points[program].partition(":")
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return f"{heard}; from {module} import {function}; sys.exit({function}())"


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        (["jetbull", "api"], "pydantic"),
        (["jetbull", "api"], "uvicorn"),
        (["jetbull", "demo"], "sqlalchemy"),
        (["bull2jet", "inspect"], "redis"),
    ],
)
def test_ctrl_c_ends_a_command_that_still_imports_without_a_word(
    tmp_path: Path, line: list[str], imported: str
) -> None:
    # An import that would go on for long, if the signal did not end its process.
    (tmp_path / f"{imported}.py").write_text(
        "import os, signal, time\n"
        "print('importing', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(60)\n"
    )
    ours = [str(_ROOT / folder) for folder in ("compat", "jobs", "migration")]
    ended = subprocess.run(
        [sys.executable, "-c", _entry(line[0]), *line[1:]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *ours])},
        capture_output=True,
        text=True,
    )
    assert (ended.stdout, ended.stderr) == ("importing\n", "")
    assert ended.returncode == -signal.SIGINT
