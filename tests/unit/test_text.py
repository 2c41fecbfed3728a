from __future__ import annotations

import re

from ycsbpy._native.recording import LatencyCounts
from ycsbpy.config.values import Latency
from ycsbpy.measure.summary import TOTAL, Accounting, Attempts, ClientLoad, ErrorCount, Interval, Series, Summary
from ycsbpy.report.text import final_lines, interval_lines, properties_lines

US = 1000
SECOND = 1_000_000_000
GO_YCSB_LINE = re.compile(
    r"(?P<name>\S+) +- Takes\(s\): (?P<takes>[\d.]+), Count: (?P<count>\d+), OPS: (?P<ops>[\d.]+), "
    r"Avg\(us\): (?P<avg>\d+), Min\(us\): (?P<min>\d+), Max\(us\): (?P<max>\d+), "
    r"50th\(us\): (?P<p50>\d+), 90th\(us\): (?P<p90>\d+), "
    r"95th\(us\): (?P<p95>\d+), 99th\(us\): (?P<p99>\d+), 99.9th\(us\): (?P<p999>\d+), 99.99th\(us\): (?P<p9999>\d+)"
)


def counts(*values_us: float) -> LatencyCounts:
    made = LatencyCounts()
    for value in values_us:
        made.record(round(value * US))
    return made


def summary(**changes: object) -> Summary:
    reads, updates = counts(100, 200, 300), counts(1000)
    total = counts(100, 200, 300, 1000)
    values: dict[str, object] = {
        "phase": "run",
        "started_wall_ns": 0,
        "elapsed_ns": 2 * SECOND,
        "cpu_ns": 40_000,
        "clients": 2,
        "target": None,
        "accounting": Accounting(4, 4),
        "by_kind": {"READ": Accounting(3, 3), "UPDATE": Accounting(1, 1)},
        "series": {"READ": Series("READ", reads), "UPDATE": Series("UPDATE", updates), TOTAL: Series(TOTAL, total)},
    }
    return Summary(**{**values, **changes})  # type: ignore[arg-type]


def test_properties_stand_between_go_ycsbs_rules() -> None:
    lines = properties_lines({"threadcount": "4", "recordcount": "1000"})
    assert lines == [
        "***************** properties *****************",
        '"recordcount"="1000"',
        '"threadcount"="4"',
        "**********************************************",
    ]


def test_the_table_is_read_by_those_who_read_go_ycsb() -> None:
    lines = final_lines(summary())
    rows = [match for line in lines if (match := GO_YCSB_LINE.fullmatch(line))]
    assert [row["name"] for row in rows] == ["READ", "TOTAL", "UPDATE"]
    read = rows[0]
    assert (read["takes"], read["count"], read["ops"], read["avg"], read["min"]) == ("2.0", "3", "1.5", "200", "100")
    assert lines[1] == "Run finished, takes 2.000s"
    assert {line.index(" - ") for line in lines if " - Takes" in line} == {len("UPDATE")}


def test_service_and_response_time_stand_under_their_names() -> None:
    paced = summary(
        target=100.0,
        series={"READ": Series("READ", counts(100), counts(5000)), TOTAL: Series(TOTAL, counts(100), counts(5000))},
    )
    for show, names in (
        (Latency.BOTH, ["Intended-READ", "Intended-TOTAL", "READ", "TOTAL"]),
        (Latency.OP, ["READ", "TOTAL"]),
        (Latency.INTENDED, ["Intended-READ", "Intended-TOTAL"]),
    ):
        rows = [match["name"] for line in final_lines(paced, show) if (match := GO_YCSB_LINE.fullmatch(line))]
        assert rows == names
    assert any("100 a second" in line for line in final_lines(paced))


def test_a_run_without_a_target_says_that_waiting_is_not_in_it() -> None:
    assert any("no intended start" in line for line in final_lines(summary()))


def test_where_operations_went_and_errors_are_told() -> None:
    lines = final_lines(
        summary(
            accounting=Accounting(10, 4, 1, 2, 1, 1, 1),
            errors=(
                ErrorCount("READ", "FAILED", "timeout", 2, "after\n2 s"),
                ErrorCount("UPDATE", "UNKNOWN", "reset", 1),
            ),
            stopped_by="interrupt",
            integrity_violations=1,
            integrity_example="user1: field field0 is b'x', should be b'y'",
        )
    )
    assert "Operations: 10 planned = 4 ok + 1 not_found + 2 failed + 1 unknown + 1 dropped + 1 not_started" in lines
    assert "READ FAILED: 2 x timeout (first: after 2 s)" in lines
    assert "UPDATE UNKNOWN: 1 x reset" in lines
    assert lines[1] == "Run stopped by interrupt, takes 2.000s"
    assert any(line.startswith("WRONG DATA: 1 reads; first: user1") for line in lines)
    assert "Client CPU: 5.0 us an operation" in lines


def test_attempts_are_told_apart_from_operations() -> None:
    operations = Accounting(10, ok=10)
    plain = final_lines(summary(accounting=operations, attempts=Attempts(12)))
    assert "Attempts: 12 requests for 10 operations" in plain
    failed = {"server_is_busy": 1, "not_leader": 2, "epoch_not_match": 1}
    troubled = final_lines(summary(accounting=operations, attempts=Attempts(14, failed)))
    assert (
        "Attempts: 14 requests for 10 operations; not as asked for: 2 x not_leader, 1 x epoch_not_match, "
        "1 x server_is_busy"
    ) in troubled
    assert not any(line.startswith("Attempts") for line in final_lines(summary()))


def test_a_client_that_was_the_limit_says_so() -> None:
    plain = final_lines(summary(client_load=ClientLoad(2, 0.354, 0.01)))
    assert plain[-1] == "Client load: the busiest of 2 threads 35% on CPU, 1% waiting for one"
    bound = final_lines(summary(client_load=ClientLoad(1, 0.75, 0.2)))
    assert bound[-1] == (
        "Client load: its thread 75% on CPU, 20% waiting for one: THE CLIENT WAS THE LIMIT, not the cluster"
    )


def test_an_interval_shows_the_window_beside_the_total() -> None:
    total, window = counts(100, 100, 100, 5000), counts(5000)
    lines = interval_lines(
        Interval(SECOND, 2 * SECOND, {"READ": Series("READ", window)}, {"READ": Series("READ", total)})
    )
    assert len(lines) == 1
    left, _, right = lines[0].partition(" | ")
    match = GO_YCSB_LINE.fullmatch(left)
    assert match is not None
    assert match["p50"] == "100"
    assert right == "last 1.0 s: Count: 1, OPS: 1.0, Avg(us): 5000, 50th(us): 5000, 99th(us): 5000, Max(us): 5000"


def test_a_series_that_was_quiet_for_a_window_is_still_shown() -> None:
    lines = interval_lines(Interval(0, SECOND, {}, {"READ": Series("READ", counts(1))}))
    assert "last 1.0 s: Count: 0, OPS: 0.0" in lines[0]
