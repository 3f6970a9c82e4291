"""What runs, where, for how long, and whether it is well; and what `up` would do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from compose.local import planning
from compose.local.errors import StackError
from compose.local.health import health_checks, ollama_answers, remarks
from compose.local.n8n_content import load_workflows
from compose.local.plan import Plan
from compose.local.programs import plan_programs
from compose.local.secrets import load_secrets, make_secrets
from compose.local.settings import PORTS
from compose.local.stack import Stack
from compose.local.stamps import Applied, fingerprint
from compose.local.supervisord import launch_fingerprint


@dataclass(frozen=True)
class Row:
    """One line of the status. `uptime` in seconds; `problem` None when it works, perhaps with a `remark`."""

    name: str
    state: str
    address: str
    uptime: float
    problem: str | None
    remark: str = ""


def read_status(stack: Stack) -> list[Row]:
    """One row a program, in the order of their start; empty when the stack is not running."""
    states = stack.supervisor.states()
    if not states:
        return []
    plan = stack.plan()
    names = [program.name for program in plan_programs(plan) if program.name in states]
    with ThreadPoolExecutor(len(names)) as pool:
        problems = list(pool.map(lambda name: _problem(stack, plan, name), names))
        said = list(pool.map(lambda name: remarks(plan, name), names))
    rows = [
        Row(name, states[name].state.lower(), _address(plan, name), states[name].uptime, problem, remark)
        for name, problem, remark in zip(names, problems, said, strict=True)
    ]
    if not plan.own_model:
        problem = None if ollama_answers(plan.ollama_url) else "does not answer"
        rows.append(Row("ollama", "external", plan.ollama_url, 0, problem))
    return rows


def preview(stack: Stack) -> Iterator[str]:
    """In one line each, what `up` would do. Nothing is made, started or asked of n8n."""
    layout = stack.layout
    first = not layout.secrets_file.exists()
    yield f"stack folder: {layout.stack}" + (" (would be made, with new secrets and databases)" if first else "")
    secrets = make_secrets() if first else load_secrets(layout.secrets_file)
    states = stack.supervisor.states()
    plan = planning.make_plan(stack.settings, secrets, {name for name, state in states.items() if state.is_up})
    for program in plan_programs(plan):
        state = states.get(program.name)
        if state is None or not state.is_up:
            verb = "start"
        elif launch_fingerprint(layout, program.name) != program.fingerprint:
            verb = "restart (it changed)"
        else:
            verb = "leave running"
        yield f"{program.name}: {verb}, {_address(plan, program.name)}"
    if not plan.own_model:
        yield f"local models: Ollama at {plan.ollama_url}"
    yield from _preview_workflows(stack)
    yield f"gateway and editor: {plan.gateway_url}"


def duration(seconds: float) -> str:
    """`seconds` in the two largest units that matter: 45 s, 3 min 10 s, 2 h 5 min, 4 d 1 h."""
    whole = int(seconds)
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {small_unit}"
    return f"{whole} s"


def _preview_workflows(stack: Stack) -> Iterator[str]:
    applied = Applied(stack.layout.applied_file)
    for workflow in load_workflows(stack.layout.workflows):
        done = applied.has(f"workflow {workflow['id']}", fingerprint(workflow))
        yield f"workflow {workflow['name']!r}: {'leave as it is' if done else 'import and publish'}"


def _problem(stack: Stack, plan: Plan, name: str) -> str | None:
    try:
        return health_checks(plan)[name]()
    except StackError as error:
        return str(error)


def _address(plan: Plan, program: str) -> str:
    name = next(port.name for port in PORTS if port.program == program)
    return plan.gateway_url if program == "n8n" else f"127.0.0.1:{plan.ports[name]}"
