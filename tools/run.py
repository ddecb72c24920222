"""Set bigview up in `.venv` and run it: `python3 tools/run.py demo | test | lint | bench | clean [more arguments]`.

Only the standard library, and only syntax that Python 3.8 reads: an old Python gets a sentence and not a SyntaxError.
The environment is made once; a stamp in it remembers what was installed, so later runs start at once, without network.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "bigview-installed"
OLDEST_PYTHON = (3, 11)
INSTALL = ["-c", "constraints.txt", "-e", ".[dev,demo]"]
# Each pytest worker imports the whole plotting stack (about 0.5 GB), so more cores than this do not help.
MOST_TEST_WORKERS = 4
# Pytest's exit code.
SOME_FAILED = 1
BROWSER_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge",
    "msedge",
)
BROWSER_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
BROWSER_ADVICE = (
    "install Chromium (Debian: `sudo apt-get install chromium`) or Chrome, or name one in the variable BIGVIEW_CHROMIUM"
)


class Missing(Exception):
    """Something is missing; the message is one sentence for the person at the keyboard."""


# --- Python and the environment -------------------------------------------------------------------------------------


def check_python(version=None):
    """Refuse a Python that is too old, or one that cannot make environments."""
    version = tuple(version or sys.version_info)[:2]
    if version < OLDEST_PYTHON:
        raise Missing(
            "Python {}.{} or newer is needed, this is {}.{}; install one and name it, as in"
            " `make PYTHON=python3.12 demo`.".format(*OLDEST_PYTHON, *version)
        )
    for module in ("venv", "ensurepip"):
        if find_spec(module) is None:
            raise Missing(
                "This Python lacks the module `{}`, which makes environments; install it (Debian: `sudo apt-get install"
                " python3-venv`) and run this again.".format(module)
            )


def inside(name):
    """Return the path of a program of the environment."""
    if os.name == "nt":
        return str(ENVIRONMENT / "Scripts" / (name + ".exe"))
    return str(ENVIRONMENT / "bin" / name)


def wanted_stamp():
    """Return what the stamp must say: a digest of all that decides what is installed, and where."""
    digest = hashlib.sha256()
    # An editable install holds the address of this folder, so a moved clone needs a new one.
    for part in (str(ROOT), sys.platform, *INSTALL):
        digest.update(part.encode() + b"\0")
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def environment_works():
    """Tell whether `.venv` has a Python that starts and is new enough (the one it was made from may be gone)."""
    test = "import sys, pip; sys.exit(sys.version_info[:2] < {!r})".format(OLDEST_PYTHON)
    try:
        return subprocess.run([inside("python"), "-c", test], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def installed():
    """Tell whether the environment holds what `pyproject.toml` and `constraints.txt` ask for."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted_stamp() and Path(inside("python")).exists()


def set_up():
    """Make `.venv` and install bigview with its extras, unless that is done already."""
    if installed():
        return
    if not environment_works():
        check_python()
        say("Making {} …".format(ENVIRONMENT))
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=False)
        if made.returncode != 0:
            raise Missing("Python could not make {}; its message is above.".format(ENVIRONMENT))
    if STAMP.exists():
        STAMP.unlink()
    say("Installing bigview and what it needs into .venv (the first time only, a few minutes) …")
    command = [inside("python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if not sys.stdout.isatty():
        command.append("--quiet")
    if subprocess.run(command + INSTALL, cwd=str(ROOT), check=False).returncode != 0:
        raise Missing(
            "The packages could not be installed (pip's message is above): the first run needs a network, or pip"
            " settings that lead to a mirror; then run this again."
        )
    # Written last: an install that was cut off is taken up again.
    STAMP.write_text(wanted_stamp(), encoding="utf-8")


# --- The browser ----------------------------------------------------------------------------------------------------


def find_browser():
    """Return the path of a Chromium, Chrome or Edge on this machine, or None."""
    named = os.environ.get("BIGVIEW_CHROMIUM")
    if named:
        return shutil.which(named)
    for name in BROWSER_NAMES + BROWSER_PLACES:
        path = shutil.which(name)
        if path:
            return path
    return None


def may_install():
    """Return the prefix for a command as root ([] when we are root), or None when nobody allowed that."""
    if not shutil.which("apt-get") or os.name == "nt":
        return None
    if os.geteuid() == 0:
        return []
    # On a person's own machine sudo is theirs to type; a build server has nobody to ask.
    if in_ci() and shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def get_browser():
    """Return the path of a browser, installing Debian's Chromium where that is allowed; None without one."""
    browser = find_browser()
    prefix = may_install()
    if browser is None and prefix is not None:
        say("No Chromium here: installing Debian's …")
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        install = ["apt-get", "-q", "install", "-y", "--no-install-recommends", "chromium"]
        for command in (["apt-get", "-q", "update"], install):
            subprocess.run(prefix + command, env=environment, stdin=subprocess.DEVNULL, check=False)
        browser = find_browser()
    if browser is None and in_ci():
        raise Missing("There is no browser for the browser tests; {}.".format(BROWSER_ADVICE))
    return browser


def can_show():
    """Tell whether a web page can be opened on a screen here."""
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


# --- The commands ---------------------------------------------------------------------------------------------------


def demo(arguments):
    """Build the demo's store and open the explorer."""
    if "--no-serve" not in arguments and "--show" not in arguments and can_show():
        arguments = [*arguments, "--show"]
    return run([inside("bigview"), "demo", *arguments])


def test(arguments):
    """Run the tests; those that need a browser are skipped loudly where there is none."""
    browser = get_browser()
    if browser:
        os.environ["BIGVIEW_CHROMIUM"] = browser
    else:
        say("NO BROWSER: the browser tests will be skipped; to run them {}.".format(BROWSER_ADVICE))
    workers = min(os.cpu_count() or 1, MOST_TEST_WORKERS)
    # A file's tests share the stores they build, so a file stays with one worker.
    # The whole run has ten minutes: what takes long is named at the end.
    options = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", "--durations=15", "--durations-min=4"]
    # After a worker has died xdist may wait for ever for the one that takes its place.
    options.append("--max-worker-restart=0")
    pytest = [inside("python"), "-m", "pytest"]
    code = run([*pytest, *options, *arguments])
    if code == SOME_FAILED and in_ci():
        # A build server's neighbours may have slowed a page down; what fails alone, too, is broken.
        say("SOME TESTS FAILED (above): they are run once more, one after the other.")
        code = run([*pytest, "--last-failed", "--last-failed-no-failures=none", *arguments])
    if not browser:
        say("NO BROWSER: the browser tests were skipped; to run them {}.".format(BROWSER_ADVICE))
    return code


def lint(arguments):
    """Run ruff over everything and mypy over the package; both, so that one run shows all there is to mend."""
    python = inside("python")
    codes = [run([python, "-m", "ruff", "check", *arguments]), run([python, "-m", "mypy"])]
    return max(codes, key=abs)


def bench(arguments):
    """Run the benchmark named, with the arguments after its name; without a name all, and the tests that `make test` leaves out."""
    # Files without this line are what the benchmarks share.
    files = sorted((ROOT / "benchmarks").glob("*.py"))
    names = [path.stem for path in files if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")]
    # As modules, so that they can import each other.
    module = [inside("python"), "-m"]
    if arguments and arguments[0] in names:
        return run([*module, "benchmarks." + arguments[0], *arguments[1:]])
    if arguments:
        raise Missing("There is no benchmark {!r}; there are: {}.".format(arguments[0], ", ".join(names) or "none"))
    codes = [run([*module, "benchmarks.report"])]
    code = run([*module, "pytest", "-m", "bench or slow"])
    codes.append(0 if code == 5 else code)  # 5: no test bears the mark
    return max(codes, key=abs)


def clean():
    """Remove the environment and every cache; stores stay."""
    caches = [ROOT / name for name in (".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis")]
    for folder in ("bigview", "tests", "tools", "benchmarks"):
        caches.extend((ROOT / folder).rglob("__pycache__"))
    for path in [ENVIRONMENT, *caches]:
        shutil.rmtree(str(path), ignore_errors=True)
    return 0


COMMANDS = {"demo": demo, "test": test, "lint": lint, "bench": bench}


def run(command):
    """Run a command to its end in the project's folder and return its exit code; stopping us stops it."""
    child = subprocess.Popen(command, cwd=str(ROOT))
    before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                # The terminal sent Ctrl-C to the child too; it ends in its own way and we wait for it.
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def in_ci():
    """Tell whether a build server runs this."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def say(text):
    """Print a line at once."""
    print(text, flush=True)


def main(arguments):
    """Run one command and return its exit code."""
    if len(arguments) == 0 or arguments[0] not in (*COMMANDS, "clean"):
        say("usage: python3 tools/run.py {} [arguments]".format("|".join([*COMMANDS, "clean"])))
        return 2
    try:
        if arguments[0] == "clean":
            return clean()
        set_up()
        return COMMANDS[arguments[0]](arguments[1:])
    except Missing as missing:
        print("bigview: {}".format(missing), file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
