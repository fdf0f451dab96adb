"""Write the generated files of deploy/compose.

python -m tools.compose             write them
python -m tools.compose --check     fail with one line if one is out of date
"""

import sys

from tools import generated_files
from tools.compose.files import FOLDER, GENERATED, all_files

if __name__ == "__main__":
    sys.exit(generated_files.main("tools.compose", all_files, [FOLDER / name for name in GENERATED]))
