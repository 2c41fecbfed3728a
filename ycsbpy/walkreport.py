"""The proof of a walk as one HTML page: the steps, the three pictures of TiKV's page, and what clients saw meanwhile.

One file, no script, nothing fetched: it can be mailed and opened in ten years. All numbers are the proof's.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ycsbpy.chart import Line, Mark, figure
from ycsbpy.cluster.regionpanel import page, region_panel, style
from ycsbpy.report.document import environment
from ycsbpy.wording import counted

if TYPE_CHECKING:
    from ycsbpy.walk import Proof, Step

__all__ = ["walk_report"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PICTURES = (
    ("replication", "After the first load"),
    ("replication again", "After the big load"),
    ("scale out", "After the rebalance"),
)


def walk_report(proof: Proof) -> str:
    """The HTML document."""
    parts = [_head(proof), _steps(proof)]
    ended = {step.name: step for step in proof.steps if step.ended_at_s}
    for index, (name, title) in enumerate(PICTURES):
        if name in ended:
            picture = region_panel(proof.timeline.until(ended[name].ended_at_s), events=index == len(PICTURES) - 1)
            parts.append(f"<section>\n<h2>{index + 1}. {title}</h2>\n{picture}\n</section>")
    during = next((step.facts["during"] for step in proof.steps if "during" in step.facts), None)
    if during is not None:
        parts.append(_during(during))
    parts.append(_made())
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head = f'{policy}\n<link rel="icon" href="data:,">\n<style>\n{style()}</style>'
    return page("Replication and Rebalancing", "\n".join(parts), head=head)


def _head(proof: Proof) -> str:
    plan = proof.plan
    if proof.good:
        outcome = f'<p class="good">All {len(proof.steps)} steps were as expected.</p>'
    else:
        name = proof.steps[-1].name if proof.steps else "start"
        reason = f": {proof.error}" if proof.error else ""
        outcome = f'<p class="bad">Failed at the step "{escape(name)}"{escape(reason)}</p>'
    facts = proof.steps[0].facts if proof.steps else {}
    backend = f"{facts['backend']}: {facts['why']}" if "backend" in facts else plan.spec.backend
    sentence = (
        f"{counted(plan.spec.kv, 'store')}; {plan.records:,} records, then {plan.more_records:,} with "
        f"{plan.threads} clients on {plan.conncount} connections a store; then {plan.add} more under load. "
        f"Backend {backend}."
    )
    return f'<h1>Replication and Rebalancing</h1>\n{outcome}\n<p class="soft">{escape(sentence)}</p>'


def _steps(proof: Proof) -> str:
    rows = "\n".join(_step(number, step) for number, step in enumerate(proof.steps, 1))
    head = "<tr><th></th><th>Step</th><th>Expected</th><th>Seen</th><th class=number>Seconds</th><th></th></tr>"
    return f'<h2>Steps</h2>\n<div class="wide"><table class="steps">{head}\n{rows}\n</table></div>'


def _step(number: int, step: Step) -> str:
    verdict = '<td class="good">as expected</td>' if step.good else '<td class="bad">failed</td>'
    return (
        f"<tr><td>{number}</td><td>{escape(step.name)}</td><td>{escape(step.expects)}</td>"
        f'<td>{escape(step.saw)}</td><td class="number">{step.seconds:.1f}</td>{verdict}</tr>'
    )


def _during(during: dict[str, Any]) -> str:
    seconds = during["seconds"]
    counts = (
        f"{during['ok']:,} operations of workload A ended well, {during['failed']} failed, {during['unknown']} are of "
        f"unknown outcome, {during['not_found']} found no record; {during['throughput']:,.0f} a second."
    )
    parts = [f"<section>\n<h2>What clients saw while stores joined</h2>\n<p>{counts}</p>"]
    if during["p99_us_before"] and during["p99_us_after"]:
        before, after = during["p99_us_before"] / 1e3, during["p99_us_after"] / 1e3
        parts.append(
            f"<p>99 of 100 were done within {before:,.2f} ms before stores joined and {after:,.2f} ms from then on "
            f"(service time, the median of seconds): {after / before:.1f} times.</p>"
        )
    if seconds:
        marks = [Mark(max(0.0, during["joined_s"] - seconds[0]["at_s"]), 1, "stores begin to join")]
        begun, end_s = seconds[0]["at_s"], seconds[-1]["at_s"] - seconds[0]["at_s"]
        latency = [
            Line(name, [(one["at_s"] - begun, one[key] / 1e3) for one in seconds], colour)
            for name, key, colour in (("p99", "p99_us", 1), ("p50", "p50_us", 0))
        ]
        rate = [Line("all", [(one["at_s"] - begun, one["per_second"]) for one in seconds], 2)]
        for lines, title in ((latency, "Service time, ms"), (rate, "Operations a second")):
            parts.append(figure(lines, marks, title=title, end_s=end_s, stepped=False, whole=lines is rate))
        parts.append('<p class="soft">1: stores begin to join. Time is from the first second of the workload on.</p>')
    return "\n".join([*parts, "</section>"])


def _made() -> str:
    around = environment()
    versions = ", ".join(f"{name} {version}" for name, version in around["versions"].items())
    text = f"{around['system']}, {around['cpus']} CPUs, Python {around['python']}; {versions}"
    return f'<p class="soft">{escape(text)}</p>'
