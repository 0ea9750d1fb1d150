"""`python -m openmtz.cli`."""

import sys

from openmtz.cli.app import main

sys.exit(main())
