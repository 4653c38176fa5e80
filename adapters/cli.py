"""The command line: `impel` and its commands.

A command's module is imported when the command is called, so that a quick one does not wait for the web server's; only
the overview imports them all, for their first lines.
"""

import sys
from importlib.metadata import version

from cyclopts import App

app = App(
    name="impel",
    help="Watches what each shopper does and acts at the right moment.",
    version=version("impel"),
    version_flags=["--version"],
)
app.command("adapters.commands.run:run", name="run")
app.command("adapters.commands.demo:demo", name="demo")
app.command("adapters.commands.check:check", name="check")
app.command("adapters.commands.trials:run_trials", name="test")
app.command("adapters.commands.simulate:simulate_file", name="simulate")
app.command("adapters.commands.user:user", name="user")
app.command("adapters.commands.preview:preview", name="preview")
app.command("adapters.commands.stats:stats", name="stats")
app.command("adapters.commands.events:events", name="events")
app.command("adapters.commands.why:why", name="why")
app.command("adapters.commands.reload:reload", name="reload")
app.command("adapters.commands.outbox:app", name="outbox")
app.command("adapters.commands.sandbox:app", name="sandbox")
app.command("adapters.commands.suppressions:app", name="suppressions")
app.command("adapters.commands.imports:app", name="import")
app.command("adapters.commands.destinations:app", name="destinations")
app.command("adapters.commands.bounces:bounces", name="bounces")
app.command("adapters.commands.db:app", name="db")
app.command("adapters.commands.schema:print_schema", name="schema")
app.command("adapters.commands.compile:compile_folder", name="compile")


def main() -> None:
    """Run the command that the arguments name, and exit with the status it returns."""
    if not sys.argv[1:] or sys.argv[1] in ("--help", "-h"):
        for name in app:
            app[name]  # importing is what asking for it does
    sys.exit(app())
