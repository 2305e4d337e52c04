"""The table of what pictures are worth."""

from __future__ import annotations

import pyarrow as pa

from unposed_jobs.warehouse.columns import MODEL_VERSION, RUN_ID, Table, column, key

INFLUENCE = Table(
    "influence",
    "What pictures are worth: one estimate for each cohort, term and method, of each day that they "
    "were estimated for",
    pa.schema(
        [
            key("run_date", pa.date32(), "The day that it was estimated for"),
            key("cohort", pa.string(), "A category; empty: all products"),
            key(
                "term",
                pa.string(),
                "What the estimate is of: 'ask 12', that the ask is filled; 'share of ...', ten "
                "hundredths more of a product's pictures; 'any gap', closed by a new picture",
            ),
            key("term_name", pa.string(), "The same, as people read it"),
            column("ask_id", pa.int32(), "Of an ask; see vocabulary"),
            key(
                "method",
                pa.string(),
                "regression: of the products of one day; difference_in_differences: of products "
                "whose gap was closed by a new picture against those whose gap stayed open",
            ),
            key("outcome", pa.string(), "The column that is explained; see [influence]"),
            key(
                "scale",
                pa.string(),
                "log: estimate, low and high are shares, 0.09 is 9 % more; linear: they are in the "
                "outcome's unit",
            ),
            column("estimate", pa.float64(), "The difference; null: refused"),
            column("low", pa.float64(), "Lower end of the 95 % interval"),
            column("high", pa.float64(), "Upper end of the 95 % interval"),
            column(
                "standard_error",
                pa.float64(),
                "Robust, clustered; on the log scale of the logarithm",
            ),
            column("p_value", pa.float64(), "Two-sided, by the bootstrap"),
            column(
                "p_adjusted",
                pa.float64(),
                "Benjamini-Hochberg over the terms of the cohort and method",
            ),
            key("n", pa.int64(), "Products that were compared"),
            key("treated", pa.int64(), "Of them those that show it, or whose gap was closed"),
            key("clusters", pa.int64(), "Groups that are independent of one another"),
            key(
                "claim",
                pa.string(),
                "effect: earned by the design; change: it came after the picture, but a check "
                "failed; association: goes with it; none: cannot be told from nothing; refused: "
                "the data cannot tell",
            ),
            column(
                "before",
                pa.float64(),
                "What differed already in the periods before the picture; 0 is wanted",
            ),
            column("before_p", pa.float64(), "Its p-value; small is bad"),
            column(
                "placebo",
                pa.float64(),
                "The same estimate at a date before the picture came; 0 is wanted",
            ),
            column("placebo_p", pa.float64(), "Its p-value; small is bad"),
            column(
                "by_period",
                pa.list_(pa.float64()),
                "The difference period by period, from the first before the picture to the last "
                "after; the one in the middle is that in which it came",
            ),
            column("warning", pa.string(), "Why it is refused, or what weakens it"),
            key("says", pa.string(), "All of this in words"),
            column("history_from", pa.date32(), "The first published day that was read"),
            key("history_to", pa.date32(), "The last one"),
            MODEL_VERSION,
            RUN_ID,
        ]
    ),
    partition=("run_date",),
    key=("run_date", "cohort", "term", "method"),
)
