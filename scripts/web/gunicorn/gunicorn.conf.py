# gunicorn reads this file again at every HUP.
import os
import site
import sys

release = os.path.realpath("@APP@/current")
python = f"python{sys.version_info.major}.{sys.version_info.minor}"

sys.path[:] = [place for place in sys.path if "/code_" not in place]
site.addsitedir(f"{release}/.venv/lib/{python}/site-packages")

chdir = release
wsgi_app = "wsgi:application"
workers = 2
bind = "@LISTEN@"
pidfile = "@RUN@/gunicorn.pid"
graceful_timeout = 10
