"""`python -m framecast`."""

import sys

from framecast.cli.main import main

sys.exit(main())
