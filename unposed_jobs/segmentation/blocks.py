"""Residual networks of three kinds: plain, weight-standardised, and with split attention.

Sources: He et al. 2016 (*Deep residual learning*); Qiao et al. 2019 (*Micro-batch training with
batch-channel normalization and weight standardization*); Zhang et al. 2020 (*ResNeSt:
split-attention networks*), section 3, with cardinality K and radix R.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

PLAIN, STANDARDISED, SPLIT_ATTENTION = KINDS = ("plain", "standardised", "split_attention")
_GROUP = 8
"""Channels of a group of the normalisation that goes with standardised weights."""


class StandardisedConv(nn.Conv2d):
    """A convolution whose filters have mean 0 and variance 1."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """As `nn.Conv2d` does."""
        weight = self.weight
        dims = (1, 2, 3)
        spread, mean = torch.var_mean(weight, dims, correction=0, keepdim=True)
        weight = (weight - mean) * torch.rsqrt(spread + 1e-5)
        return functional.conv2d(
            values, weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class SplitAttention(nn.Module):
    """A 3 x 3 convolution in K cardinal groups of R splits each, which attention weighs.

    (N, C, H, W) to the same shape; C must be divisible by K * R.
    """

    def __init__(self, channels: int, cardinality: int, radix: int) -> None:
        super().__init__()
        if channels % (cardinality * radix):
            raise ValueError(f"{channels} channels do not part into {cardinality} x {radix}")
        self.cardinality, self.radix = cardinality, radix
        self.splits = StandardisedConv(
            channels, channels * radix, 3, padding=1, groups=cardinality * radix, bias=False
        )
        self.norm = _group_norm(channels * radix)
        inner = max(channels * radix // 4, 8 * cardinality)
        inner -= inner % cardinality
        self.squeeze = nn.Conv2d(channels, inner, 1, groups=cardinality)
        self.excite = nn.Conv2d(inner, channels * radix, 1, groups=cardinality)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The weighed sum of each group's splits."""
        found = functional.relu(self.norm(self.splits(values)))
        count, _, high, wide = found.shape
        splits = found.reshape(count, self.radix, -1, high, wide)
        pooled = splits.sum(1).mean((2, 3), keepdim=True)
        logits = self.excite(functional.relu(self.squeeze(pooled)))
        logits = logits.reshape(count, self.cardinality, self.radix, -1).transpose(1, 2)
        # Of one split there is nothing to choose from: it is let through or not.
        shares = logits.softmax(1) if self.radix > 1 else logits.sigmoid()
        return (splits * shares.reshape(count, self.radix, -1, 1, 1)).sum(1)


class Block(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions round which the input is added."""

    def __init__(
        self, entering: int, leaving: int, *, stride: int, kind: str, cardinality: int, radix: int
    ) -> None:
        super().__init__()
        inner = leaving // 2
        conv, norm = (nn.Conv2d, _batch_norm) if kind == PLAIN else (StandardisedConv, _group_norm)
        self.reduce = nn.Sequential(conv(entering, inner, 1, bias=False), norm(inner), nn.ReLU())
        middle: nn.Module
        if kind == SPLIT_ATTENTION:
            middle = SplitAttention(inner, cardinality, radix)
        else:
            middle = nn.Sequential(
                conv(inner, inner, 3, padding=1, bias=False), norm(inner), nn.ReLU()
            )
        # Averaged before it is thinned, as ResNeSt does, in all three alike.
        self.middle = nn.Sequential(nn.AvgPool2d(stride) if stride > 1 else nn.Identity(), middle)
        self.expand = nn.Sequential(conv(inner, leaving, 1, bias=False), norm(leaving))
        self.aside: nn.Module = nn.Identity()
        if stride > 1 or entering != leaving:
            self.aside = nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                conv(entering, leaving, 1, bias=False),
                norm(leaving),
            )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(N, entering, H, W) to (N, leaving, H / stride, W / stride)."""
        return functional.relu(self.expand(self.middle(self.reduce(values))) + self.aside(values))


class Backbone(nn.Module):
    """(N, 3, S, S) to three maps of S / 4, S / 8 and S / 16, with `widths` channels."""

    def __init__(self, kind: str, width: int, depth: int, cardinality: int, radix: int) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"unknown network {kind}; known: {', '.join(KINDS)}")
        conv, norm = (nn.Conv2d, _batch_norm) if kind == PLAIN else (StandardisedConv, _group_norm)
        self.stem = nn.Sequential(
            conv(3, width, 3, stride=2, padding=1, bias=False), norm(width), nn.ReLU()
        )
        self.widths = (2 * width, 4 * width, 8 * width)
        stages, entering = [], width
        for leaving in self.widths:
            blocks = [
                Block(
                    leaving if row else entering,
                    leaving,
                    stride=1 if row else 2,
                    kind=kind,
                    cardinality=cardinality,
                    radix=radix,
                )
                for row in range(depth)
            ]
            stages.append(nn.Sequential(*blocks))
            entering = leaving
        self.stages = nn.ModuleList(stages)

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The three maps, the finest first."""
        values, maps = self.stem(pictures), []
        for stage in self.stages:
            values = stage(values)
            maps.append(values)
        return maps


def _batch_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels)


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(max(channels // _GROUP, 1), channels)
