"""`framecast embed`."""

from pathlib import Path

import click
import numpy as np

from framecast._files import missing_file
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_json


@click.command(
    epilog="\b\nExamples:\n  framecast embed flowers photos/*.jpg --out photos.npy\n"
    "  framecast embed flowers/3 a.jpg b.jpg --normalize --out two.npy",
)
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the vectors go: a .npy file.")
@click.option("--normalize", is_flag=True, help="Scale each vector to length 1.")
@session_options
def embed(session: Session, model: str, files: tuple[Path, ...], out: Path, normalize: bool) -> None:
    """Write what MODEL sees in pictures FILES as a NumPy array: float32 [files, D], in the order given.

    MODEL must give embeddings, as classifiers such as a resnet18 do.
    """
    if out.suffix != ".npy":
        raise click.UsageError(f"--out {out}: vectors are saved as .npy")
    for path in files:
        if not path.is_file():
            raise missing_file(path)
    with session.client() as client:
        vectors = client.embed(model, list(files), normalize=normalize)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    with part.open("wb") as file:
        np.save(file, vectors)
    part.replace(out)
    count, size = vectors.shape
    if session.json:
        print_json({"file": str(out), "rows": count, "dimension": size})
    else:
        click.echo(f"{out}: {count} x {size}, float32")
