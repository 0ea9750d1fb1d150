"""What remains of a run: the MCAP record, the verdict on what was delivered, the report, the summary.

Plotting is heavy: `write_report` and `RunData` are imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
