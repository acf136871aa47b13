# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch twins of the networks in semantic/codec and semantic/quality (README.md)."""
