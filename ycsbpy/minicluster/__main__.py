"""``python -m ycsbpy.minicluster pd|store …``: see ``ycsbpy.minicluster.server``."""

import sys

from ycsbpy.minicluster.server import main

sys.exit(main())
