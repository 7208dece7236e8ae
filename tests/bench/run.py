# SPDX-License-Identifier: Apache-2.0
"""What one run of a sender gave."""

import collections

# Messages a second, and seconds of CPU a message of the sender.
Run = collections.namedtuple("Run", "rate cpu")
