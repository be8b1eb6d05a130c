"""Names its release from five places: modules that are imported at the start
and later, a file, the virtualenv, and a console script of that."""

import pathlib
import subprocess
import sys

import greet  # from the virtualenv
import release

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = subprocess.run([".venv/bin/greet"], check=True, capture_output=True, text=True).stdout


def application(environ, start_response):
    sys.modules.pop("late", None)  # as if it were needed for the first time
    import late

    status, body = "200 OK", "\n".join(
        [late.COMMIT, str(HERE), greet.__file__, SCRIPT, (HERE / "page.html").read_text()])
    if environ["PATH_INFO"] == "/healthz":
        body = "well" if not (HERE / "broken").exists() else "that is how it is"
        status = "200 OK" if body == "well" else "500 Internal Server Error"
    start_response(status, [("Content-Type", "text/plain"), ("X-Commit", release.COMMIT),
                            ("Content-Length", str(len(body)))])
    return [body.encode()]
