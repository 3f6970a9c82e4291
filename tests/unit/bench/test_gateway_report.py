from dataclasses import replace

from tests.bench.gateway.load import Request, percentile
from tests.bench.gateway.measure import Figures
from tests.bench.gateway.report import Circumstances, report
from tests.bench.gateway.subjects import ANSWER, CHAT_FLOW, EMPTY, REFUSAL, UPSTREAM, Cell, Subject

REQUEST = Request(1, "/", {})
ABOUT = Circumstances("./test.sh bench", "2026-01-01 00:00", 2, "x86_64", 0.2, 2600)
SUBJECTS = {
    CHAT_FLOW: Subject(CHAT_FLOW, {"n8n": 1, "scorer": 2, "cost_ledger": 3, "postgres": 4, "valkey": 5}, {}),
    UPSTREAM: Subject(UPSTREAM, {"upstream": 6}, {}),
}


def figures(own: float, p50: float, rate: float = 100, errors: dict[str, int] | None = None) -> Figures:
    cpu = {"n8n": own, "scorer": 1.0, "cost_ledger": 2.0, "postgres": 1.5, "valkey": 0.1}
    return Figures(3, 300, p50, 2 * p50, p50, 0, rate, cpu, errors or {})


def upstream(p50: float) -> Figures:
    return Figures(3, 300, p50, 2 * p50, p50, 0, 5000, {"upstream": 0.1}, {})


FOUND = {
    Cell(CHAT_FLOW, ANSWER, 1, 0, REQUEST): figures(6.5, 14.0),
    Cell(CHAT_FLOW, ANSWER, 16, 0, REQUEST): figures(8.0, 100.0),
    Cell(CHAT_FLOW, ANSWER, 64, 0, REQUEST): figures(8.0, 400.0, rate=160, errors={"503": 2}),
    Cell(CHAT_FLOW, REFUSAL, 16, 0, REQUEST): figures(2.0, 20.0),
    Cell(CHAT_FLOW, EMPTY, 16, 0, REQUEST): figures(5.0, 50.0),
    Cell(UPSTREAM, ANSWER, 1, 0, REQUEST): upstream(0.5),
    Cell(UPSTREAM, ANSWER, 16, 0, REQUEST): upstream(2.0),
}


def line(text: str, start: str) -> str:
    return next(one for one in text.splitlines() if one.startswith(start))


def test_wishes_are_judged_by_what_was_found() -> None:
    text = report(FOUND, SUBJECTS, ABOUT)
    assert line(text, "| n8n's CPU for a routed request").endswith("| at most 7 ms | 8.0 ms | missed |")
    assert line(text, "| n8n's CPU for a refusal").endswith("| 2.0 ms | met |")
    assert line(text, "| p50 added at 1 client").endswith("| 13.5 ms | missed |")
    assert line(text, "| requests a second at 64 clients").endswith("| at least 150 | 160.0 | met |")
    assert line(text, "| errors at 64 clients").endswith("| 2.0 | missed |")


def test_what_was_not_measured_is_said_and_not_judged() -> None:
    text = report(FOUND, SUBJECTS, ABOUT)
    assert line(text, "| n8n's CPU for 20 streamed chunks").endswith("not measured |")
    assert "did not stream yet" in text


def test_a_busy_machine_and_a_cold_n8n_are_named() -> None:
    assert "busy" not in report(FOUND, SUBJECTS, ABOUT)
    cold = " ".join(report(FOUND, SUBJECTS, replace(ABOUT, load_before=12.2, warm=236)).split())
    assert "load average was 12.2 before the run" in cold
    assert "had given 236 answers before" in cold


def test_the_rest_of_the_time_is_told_from_what_was_measured() -> None:
    text = report(FOUND, SUBJECTS, ABOUT)
    assert "is the other 3.0 ms of 8.0" in " ".join(text.split())
    assert "cannot pass 125 requests a second" in " ".join(text.split())


def test_a_percentile_of_few_values_is_one_of_them() -> None:
    assert [percentile([1.0], 0.99), percentile([1.0, 2.0, 3.0], 0.5)] == [1.0, 2.0]
