"""Options that several commands share, said once: the same word means the same thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA|INDEX", help="A dataset folder with an index, or the index.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout (docs/schemas).")]
Check = Annotated[bool, typer.Option(help="For a folder: list it and say if it changed since the build.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", min=1, help="Workers that open files. [default: one a processor]", show_default=False),
]
NewIndex = Annotated[Path, typer.Option("-o", "--output", help="The new index file.", show_default=False)]
ForceIndex = Annotated[bool, typer.Option("--force", help="Replace a file that is no index.")]

Protocol = Annotated[
    str | None,
    typer.Option(help="The splits of this protocol: trial3. [default: the plain ones]", show_default=False),
]
Pair = Annotated[
    str | None,
    typer.Option(
        help="What makes an identity pairable, e.g. rgb:nir,sketch. [default: the index's]", show_default=False
    ),
]
P = Annotated[int, typer.Option("-p", min=1, help="Identities in a batch.")]
K = Annotated[int, typer.Option("-k", min=1, help="Instances of each.")]
Each = Annotated[
    str, typer.Option(help="What each identity's block must hold: any, rgb, pair, complete, or an expression.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]
OnShort = Annotated[str, typer.Option(help="Identities with too few samples: repeat, exclude, error.")]
PreferComplete = Annotated[bool, typer.Option("--prefer-complete", help="Pairable identities first, others fill up.")]
EpochIs = Annotated[
    str,
    typer.Option("--epoch-is", metavar="WHAT", help="What an epoch is: identities, samples, or a number of batches."),
]
Compose = Annotated[str | None, typer.Option(help="Composed instances, e.g. rgb,text,sketch.", show_default=False)]
Split = Annotated[str | None, typer.Option(help="The split to draw from. [default: train, or all]", show_default=False)]
Weights = Annotated[
    str | None,
    typer.Option(help="sqrt or count: identities with more samples come more often.", show_default=False),
]
