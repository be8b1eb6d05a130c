"""Moves an app's link to and fro between current and previous, as a switch
does it, and leaves it where it was: shake.py APP TIMES."""

import os
import sys
import time

app, times = sys.argv[1], int(sys.argv[2])
current, previous = (os.readlink(f"{app}/{link}") for link in ("current", "previous"))
for i in range(times):
    os.symlink(current if i % 2 else previous, f"{app}/shaken")
    os.rename(f"{app}/shaken", f"{app}/current")
    time.sleep(0.001)
os.symlink(current, f"{app}/shaken")
os.rename(f"{app}/shaken", f"{app}/current")
