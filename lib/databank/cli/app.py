"""The command line as a whole: its help, its version, what it says of an unknown command."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from databank import __version__
from databank.errors import DataBankError, did_you_mean


class Commands(TyperGroup):
    """The commands; a wrong one is told the one that is meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command.

        Raises:
            DataBankError: If there is none of this name.
        """
        unknown = not args[0].startswith("-") and self.get_command(ctx, args[0]) is None
        if unknown and not ctx.resilient_parsing:
            remedy = did_you_mean(args[0], self.list_commands(ctx))
            raise DataBankError(f"unknown command {args[0]!r}; {remedy}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="databank",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def databank(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
    spark: Annotated[
        list[str] | None,
        typer.Option("--spark", help="KEY=VALUE, which a configuration may not give; repeatable."),
    ] = None,
) -> None:
    """An open data bank for consumer operations on Spark and Delta Lake."""
    from databank.config.spark_options import note_given

    note_given(spark or ())
