"""plotly starts with the charts of a report only: on the bundle that is installed, and on what it might become."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tracer.report.bundle import starting_with

BAR_AND_PIE = (
    'var aa=W((x,y)=>{"use strict";y.exports={attributes:q(),moduleType:"trace",name:"bar",b:d()}});'
    'var $b=W((x,y)=>{"use strict";y.exports=aa()});'
    'var cc=W((x,y)=>{"use strict";y.exports={moduleType:"trace",name:"pie"}});'
    'var dd=W((x,y)=>{"use strict";y.exports=cc()});'
    'var core=W((x,y)=>{"use strict";var p={};p.register([f()]);y.exports=p});'
    'var ee=W((x,y)=>{"use strict";var p=core();p.register([$b(),dd()]);y.exports=p});'
)


@pytest.fixture(scope="module")
def installed() -> str:
    return (Path(find_spec("plotly").origin).parent / "package_data/plotly.min.js").read_text("utf-8")


def registered(source: str) -> list[str]:
    return re.findall(r"\.register\(\[([^\]]*)\]\)", source)[-1].split(",")


@pytest.mark.parametrize(
    ("kinds", "factories"), [({"bar"}, ["$b()"]), ({"pie", "scatter"}, ["dd()"]), ({"bar", "pie"}, ["$b()", "dd()"])]
)
def test_only_kinds_that_are_drawn_are_registered(kinds, factories):
    made = starting_with(BAR_AND_PIE, frozenset(kinds))
    assert registered(made) == factories
    assert made.replace(f"[{','.join(factories)}]", "[$b(),dd()]") == BAR_AND_PIE


def test_the_core_has_scatter_by_itself():
    assert registered(starting_with(BAR_AND_PIE, frozenset({"scatter"}))) == [""]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (BAR_AND_PIE.replace("register", "enlist"), "no list of kinds"),
        (BAR_AND_PIE.replace('name:"bar"', 'called:"bar"'), "no bar among them, and pie's name is not bar's"),
        (BAR_AND_PIE.replace("y.exports=aa()", "y.exports=aa().default"), "a factory of another form"),
        (BAR_AND_PIE.replace("var aa=", "let aa="), "a module that is not found"),
    ],
)
def test_a_bundle_of_another_form_is_left_as_it_is(source, why):
    assert starting_with(source, frozenset({"bar"})) == source, why


ESBUILD = (
    "var E=(e,t,r)=>()=>{if(r)throw r[0];return t};"
    "var W=(e,t)=>()=>{try{return t||e((t={exports:{}}).exports,t),t.exports}"
    'catch(r){throw r}},F=(e,t)=>{for(var r in t)d(e,r)};var G=e=>H(S({},"__esModule",{}),e);'
)
MODULES = {
    "es": 'var es=W((x,y)=>{y.exports=1});var ns={};F(ns,{a:()=>f});function f(){}var run=E(()=>{"use strict"});',
    "bar": 'var aa=W((x,y)=>{"use strict";run(),G(ns);y.exports={moduleType:"trace",name:"bar"}});',
    "by": 'var $b=W((x,y)=>{"use strict";y.exports=aa()});',
    "map": 'var mm=W((x,y)=>{y.exports="of the pie alone"});',
    "pie": 'var cc=W((x,y)=>{"use strict";mm();y.exports={moduleType:"trace",name:"pie"}});',
    "way": 'var dd=W((x,y)=>{"use strict";y.exports=cc()});',
    "end": "var ee=W((x,y)=>{var p={};p.register([$b(),dd()]);y.exports=p});return ee()",
}


@pytest.mark.parametrize(
    ("kinds", "kept"), [({"bar"}, "es bar by end"), ({"pie"}, "map pie way end"), ({"bar", "pie"}, " ".join(MODULES))]
)
def test_code_that_nobody_asks_for_is_left_out(kinds, kept):
    made = starting_with(ESBUILD + "".join(MODULES.values()), frozenset(kinds))
    assert made.startswith(ESBUILD)
    parts = [part for part in MODULES if part != "end" and MODULES[part] in made]
    assert [*parts, "end"] == kept.split()
    assert made.endswith("y.exports=p});return ee()")


def test_the_installed_plotly_is_cut_to_a_quarter(installed):
    made = starting_with(installed, frozenset({"scatter", "bar"}))
    assert len(made) < len(installed) / 4
    assert made.startswith(installed[:200])
    assert made.endswith("}));")


def test_the_installed_plotly_is_of_this_form(installed):
    made = starting_with(installed, frozenset({"scatter", "bar"}))
    assert len(registered(installed)) > 40
    assert len(registered(made)) == 1
