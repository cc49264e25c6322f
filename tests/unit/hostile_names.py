"""Names that somebody chose to do harm where they are shown, each of at most 15 bytes, as a task's is."""

from __future__ import annotations

HOSTILE_NAMES = (
    "<script>a()",
    "<img src=x:y>",
    '"onload="a()',
    "\x1b[31mred\x07",
    "\x9b2Jcsi",
    "a\nb\r\n## c",
    "[a](//e.com)",
    "![i](//e.com)",
    "**b** _i_ ~~s~~",
    "`code` ```",
    "http://e.com/",
    "www.evil.com",
    "<a@evil.com>",
    "@octocat #1",
    "a|b||c",
    "=1+cmd|'/C'!A0",
    "+1",
    "1. item",
    "- item",
    "&lt;b&gt; &#60;",
    "{{7*7}}{%x%}",
    "\u202eevil\u202c",
    "\u2066a\u200b\ufeff",
    "\udcff\udcfe\udc80",
    "$x^2$ \\(y\\)",
    "</script>",
)
LONG = "<b>" + "x" * 60_000
