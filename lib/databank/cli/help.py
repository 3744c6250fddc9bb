"""The help of `databank run`: it lists the jobs, which are read only when somebody asks for it."""

from typing import Any

from typer.core import TyperCommand


class RunCommand(TyperCommand):
    """`databank run`, whose help has a line for each job."""

    def get_help(self, ctx: Any) -> str:
        """Give, or print, the help with the jobs below it."""
        from databank.project.jobs import JOBS

        # a blank line ends a paragraph, so that each job keeps a line of its own
        lines = ["Jobs, in the order of `all`:"]
        lines += [f"{name}: {job.purpose}" for name, job in JOBS.items()]
        self.epilog = "\n\n".join(lines)
        return super().get_help(ctx)
