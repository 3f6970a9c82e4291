"""`python -m compose.local COMMAND`: the embedded run. Most people call it through ./deploy-all.sh."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import textwrap
import time
from typing import NoReturn

from compose.local.errors import StackError
from compose.local.gateway import FIRST_PROMPT, Answer, ask, available_models
from compose.local.nodes import build_nodes
from compose.local.plan import Plan
from compose.local.programs import ledger_environment, scorer_environment
from compose.local.progress import Progress
from compose.local.stack import Stack
from compose.local.status import duration, preview, read_status
from services.runtime import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 1 when something failed or is not well, 2 when a setting is wrong, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when the reader of our words has gone
    try:
        return int(options.run(Stack.open(progress=Progress()), options))
    except ConfigError as error:
        print(f"error: {error} (in .env or the environment)", file=sys.stderr)
        return 2
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run ./deploy-all.sh again to go on, or ./deploy-all.sh stop.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compose.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="make what is missing, start everything, send a first prompt")
    up.add_argument("--dry-run", action="store_true", help="only say what would be done")
    up.set_defaults(run=_up)
    commands.add_parser("status", help="what runs, where, and whether it is well").set_defaults(run=_status)
    logs = commands.add_parser("logs", help="follow the logs of one program, or of all")
    logs.add_argument("program", nargs="?")
    logs.set_defaults(run=_logs)
    commands.add_parser("stop", help="stop everything").set_defaults(run=_stop)
    commands.add_parser("key", help="print the first API key").set_defaults(run=_key)
    commands.add_parser("password", help="print the password of n8n's owner").set_defaults(run=_password)
    costs = commands.add_parser("costs", help="print where the cost page is, and the token that it asks for")
    costs.set_defaults(run=_costs)
    ledger = commands.add_parser("ledger", help="look after API keys and the books")
    ledger.add_argument("arguments", nargs="*", help="after --: those of services.cost_ledger")
    ledger.set_defaults(run=_ledger)
    learn = commands.add_parser("recalibrate", help="learn from the stack's own traffic")
    learn.add_argument("arguments", nargs="*", help="after --: those of services.scorer.recalibrate")
    learn.set_defaults(run=_recalibrate)
    commands.add_parser("build-nodes", help="compile the n8n nodes if they changed").set_defaults(run=_build)
    return parser


def _up(stack: Stack, options: argparse.Namespace) -> int:
    if options.dry_run:
        for line in preview(stack):
            print(f"  {line}")
        return 0
    progress = Progress()
    begin = time.monotonic()
    plan = stack.up()
    if stack.changed:
        _first_prompt(plan, progress)
    else:
        progress.say("\nEverything was running and nothing has changed.")
    _tell_where(stack, plan, progress)
    progress.say(f"\nReady after {duration(time.monotonic() - begin)}.")
    return 0


def _first_prompt(plan: Plan, progress: Progress) -> None:
    try:
        with progress.step("First prompt") as step:
            step.note = FIRST_PROMPT
            answer = ask(plan)
    except StackError:
        if plan.settings.anthropic_api_key or available_models(plan):
            raise
        # Not a fault of the stack: it was told of no model at all.
        progress.note(
            f"no model can answer yet: {plan.ollama_url} has none of the local models, and ANTHROPIC_API_KEY is not "
            f"set. Pull one (ollama pull tinyllama), or set the key in .env and run ./deploy-all.sh again"
        )
        return
    _show(answer, progress)


def _show(answer: Answer, progress: Progress) -> None:
    progress.say(f"\n{progress.paint('bold', FIRST_PROMPT)}")
    text = " ".join(answer.text.split())
    text += "" if text.endswith((".", "!", "?")) else " ..."
    progress.say(textwrap.fill(text, 96, initial_indent="  ", subsequent_indent="  "))
    complexity = "" if answer.complexity is None else f"complexity {answer.complexity:.2f}"
    progress.say(f"\n  model       {answer.model} ({answer.backend}), {answer.seconds:.1f} s")
    progress.say(f"  route       {answer.reasoning or complexity}")
    progress.say(f"  cost        {answer.cost:f} USD")


def _tell_where(stack: Stack, plan: Plan, progress: Progress) -> None:
    url = plan.gateway_url
    progress.say(f"\n  editor      {url}")
    progress.say(f"  owner       {stack.settings.owner_email}, password: ./deploy-all.sh password")
    progress.say(f'  chat        curl {url}/api/v1/chat -H "Authorization: Bearer $(./deploy-all.sh key)" \\')
    progress.say("                -H 'Content-Type: application/json' -d '{\"prompt\": \"What is Python?\"}'")
    progress.say(f"  OpenAI SDK  base_url={url}/api/v1")
    progress.say(f"  costs       {plan.costs_url}, token: ./deploy-all.sh costs")
    progress.say("  also        ./deploy-all.sh status | logs | stop")
    if not stack.settings.anthropic_api_key:
        progress.say()
        progress.note("local-only: no ANTHROPIC_API_KEY is set. Put it into .env and run ./deploy-all.sh again")
    if not stack.settings.gateway_is_local:
        progress.note(f"GATEWAY_HOST is {stack.settings.gateway_host}: other machines can reach the editor and the API")


def _status(stack: Stack, options: argparse.Namespace) -> int:
    rows = read_status(stack)
    if not rows:
        print("The stack is not running. Start it with ./deploy-all.sh")
        return 1
    progress = Progress()
    print(f"{'PROGRAM':<12} {'STATE':<10} {'ADDRESS':<28} {'UPTIME':<14} HEALTH")
    for row in rows:
        health = progress.paint("fail", row.problem) if row.problem else progress.paint("ok", "ok")
        print(
            f"{row.name:<12} {row.state:<10} {row.address:<28} {duration(row.uptime):<14} {health}"
            f"{f'  ({row.remark})' if row.remark else ''}"
        )
    return 0 if all(row.problem is None for row in rows) else 1


def _logs(stack: Stack, options: argparse.Namespace) -> int:
    logs = sorted(stack.layout.logs.glob("*.log"))
    if options.program is not None:
        logs = [path for path in logs if path.stem == options.program]
    if not logs:
        known = ", ".join(sorted(path.stem for path in stack.layout.logs.glob("*.log"))) or "none yet"
        raise StackError(f"no log of {options.program or 'any program'}; there are: {known}")
    os.execvp("tail", ["tail", "-n", "30", "-F", *map(str, logs)])  # noqa: S606


def _stop(stack: Stack, options: argparse.Namespace) -> int:
    progress = Progress()
    with progress.step("Stop") as step:
        step.note = "everything is stopped" if stack.down() else "nothing was running"
    return 0


def _key(stack: Stack, options: argparse.Namespace) -> int:
    print(stack.secrets.first_api_key)
    return 0


def _password(stack: Stack, options: argparse.Namespace) -> int:
    print(stack.secrets.owner_password)
    return 0


def _costs(stack: Stack, options: argparse.Namespace) -> int:
    plan = stack.plan()
    if "LEDGER_PORT" not in plan.ports:
        raise StackError("the stack was never started: run ./deploy-all.sh first")
    print(f"page   {plan.costs_url}")
    print(f"token  {plan.secrets.service_token}")
    return 0


def _ledger(stack: Stack, options: argparse.Namespace) -> NoReturn:
    # Without a word it would serve; the stack has a ledger that does.
    arguments = options.arguments or ["--help"]
    _become("services.cost_ledger", arguments, ledger_environment(stack.plan()))


def _recalibrate(stack: Stack, options: argparse.Namespace) -> NoReturn:
    _become("services.scorer.recalibrate", options.arguments, scorer_environment(stack.plan()))


def _become(module: str, arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Go on as a command of one of the services."""
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606


def _build(stack: Stack, options: argparse.Namespace) -> int:
    print("compiled" if build_nodes(stack.layout) else "up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
