# SPDX-License-Identifier: Apache-2.0
"""Servers from Debian 12 that tests start for themselves and stop again: see root.py."""
