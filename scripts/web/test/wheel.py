"""Makes greet-1.0, a package with a console script that says where it is
installed: wheel.py FOLDER."""

import sys
import zipfile

FILES = {
    "greet/__init__.py": "import sys\n\n\ndef main():\n    print(sys.prefix)\n",
    "greet-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
    "greet-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "greet-1.0.dist-info/entry_points.txt": "[console_scripts]\ngreet = greet:main\n",
}
RECORD = "greet-1.0.dist-info/RECORD"

with zipfile.ZipFile(f"{sys.argv[1]}/greet-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in FILES.items():
        wheel.writestr(name, text)
    wheel.writestr(RECORD, "".join(f"{name},,\n" for name in [*FILES, RECORD]))
